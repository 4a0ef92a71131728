/* The window around an R-peak, in one piece, to the network; -1 if it is remembered no more. */
static int classify_at(ecg_stream *s, int32_t r)
{
    int16_t around[272]; /* at 500 samples a second */
    int32_t reach = (67 * s->beats.fs + 255) / 256 + 1, k;
    if (s->n - (r - reach) > ECG_RING)
        return -1;
    for (k = -reach; k <= reach; k++)
        around[reach + k] = s->x[(r + k) & (ECG_RING - 1)];
    s->one_before = s->last;
    s->last = r;
    return ecg_beat(&s->beats, around + reach, r);
}

int ecg_open(ecg_stream *s, int32_t fs, int32_t gain)
{
    if (fs < 100 || fs > 500)
        return -1;
    ecg_start(&s->beats, fs, gain);
    ecg_peaks_open(&s->peaks, fs, gain);
    s->n = s->last = s->one_before = 0;
    return 0;
}

int ecg_sample(ecg_stream *s, int16_t x, int32_t *time)
{
    int32_t r, i;
    int answer = -1;
    if (s->n == 0) /* the first sample stands for what came before it */
        for (i = 0; i < ECG_RING; i++)
            s->x[i] = x;
    s->x[s->n++ & (ECG_RING - 1)] = x;
    r = ecg_peaks_sample(&s->peaks, x);
    if (r >= 0) {
        answer = classify_at(s, r);
        *time = s->one_before;
    }
    return answer;
}

int ecg_close(ecg_stream *s, int32_t *time)
{
    *time = s->last;
    return ecg_finish(&s->beats);
}
