static int32_t reach_of(const ecg_stream *s)
{
    return (67 * s->beats.fs + 255) / 256 + 1;
}

/* Cut out the window around an R-peak, in one piece; the last sample stands for what follows. */
static void cut(ecg_stream *s, int32_t r)
{
    int32_t reach = reach_of(s), k;
    for (k = -reach; k <= reach; k++)
        s->around[reach + k] = s->x[(most(r + k, s->n - 1) + ECG_RING) % ECG_RING];
    s->around_r = r;
}

/* One more R-peak: the class of the beat before it, or -1. */
static int classify_at(ecg_stream *s, int32_t r, int32_t *time)
{
    if (r != s->around_r)
        cut(s, r);
    *time = s->last;
    s->last = r;
    return ecg_beat(&s->beats, s->around + reach_of(s), r);
}

int ecg_open(ecg_stream *s, int32_t fs, int32_t gain)
{
    if (fs < 100 || fs > 500)
        return -1;
    ecg_start(&s->beats, fs, gain);
    ecg_peaks_open(&s->peaks, fs, gain);
    s->n = s->last = 0;
    s->around_r = -1;
    return 0;
}

int ecg_sample(ecg_stream *s, int16_t x, int32_t *time)
{
    int32_t r, i;
    if (s->n == 0) /* the first sample stands for what came before it */
        for (i = 0; i < ECG_RING; i++)
            s->x[i] = x;
    s->x[s->n++ % ECG_RING] = x;
    r = ecg_peaks_sample(&s->peaks, x);
    if (r >= 0)
        return classify_at(s, r, time);
    /* what may count as a complex when the next one is overdue, up to five seconds later */
    if (s->peaks.missed.size && s->peaks.missed.r != s->around_r)
        cut(s, s->peaks.missed.r);
    return -1;
}

int ecg_close(ecg_stream *s, int32_t *time)
{
    int answer = -1;
    int32_t r;
    while (answer < 0 && (r = ecg_peaks_rest(&s->peaks)) >= 0)
        answer = classify_at(s, r, time);
    if (answer >= 0)
        return answer;
    *time = s->last;
    answer = ecg_finish(&s->beats);
    s->beats.n_beats = 0; /* no beat waits any more */
    return answer;
}
