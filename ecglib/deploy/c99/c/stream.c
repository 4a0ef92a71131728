static int32_t at(const ecg_stream *s, int32_t i)
{
    return s->x[i & (ECG_RING - 1)];
}

static int32_t ms(const ecg_stream *s, int32_t t)
{
    return s->fs * t / 1000;
}

static int32_t magnitude(int32_t v)
{
    return v < 0 ? -v : v;
}

/* What an energy must exceed to be a QRS complex. */
static int32_t threshold(const ecg_stream *s)
{
    return s->noise + (s->signal - s->noise) / 10 * 3;
}

/* The R-peak: the sample that lies farthest from the mean around a burst of energy. */
static int32_t locate(const ecg_stream *s, int32_t end)
{
    int32_t first = end - ms(s, 114), last = end - ms(s, 8), margin = ms(s, 45);
    int32_t k, sum = 0, far = -1, place = last;
    for (k = first - margin; k <= last + margin; k++)
        sum += at(s, k);
    sum /= last - first + 2 * margin + 1;
    for (k = first; k <= last; k++) {
        int32_t d = magnitude(at(s, k) - sum);
        if (d > far) {
            far = d;
            place = k;
        }
    }
    return place > 0 ? place : 0;
}

static int32_t accept(ecg_stream *s, int32_t energy, int32_t end, int32_t weight)
{
    s->signal += (energy - s->signal) / weight;
    s->qrs = energy;
    s->qrs_at = end;
    s->missed = 0;
    return locate(s, end);
}

/* QRS complex or not? Returns its R-peak, or -1. */
static int32_t judge(ecg_stream *s, int32_t energy, int32_t end)
{
    int32_t since = s->qrs ? end - s->qrs_at : s->fs;
    int is_t_wave = since < ms(s, 360) && energy < s->qrs / 10 * 6;
    if (energy > threshold(s) && !is_t_wave) {
        if (s->qrs && since < 2 * s->fs)
            s->rr += (since - s->rr) / 8;
        return accept(s, energy, end, 8);
    }
    s->noise += (energy - s->noise) / 8;
    if (energy > s->missed && since > ms(s, 360)) {
        s->missed = energy;
        s->missed_at = end;
    }
    return -1;
}

/* Energy of steep slopes (after Pan and Tompkins 1985), and the peaks in it. */
static int32_t detect(ecg_stream *s, int16_t x)
{
    int32_t n = s->n, lag = ms(s, 16), window = ms(s, 90), r = -1, slope, short_ = ECG_SHORT - 1;
    s->sum += x - at(s, n - lag);
    s->x[n & (ECG_RING - 1)] = x;
    slope = magnitude(s->sum - s->low[(n - lag) & short_]);
    s->low[n & short_] = s->sum;
    s->energy += slope - s->slope[(n - window) & short_];
    s->slope[n & short_] = slope;
    if (n < s->fs / 2) {
        ; /* the sums are filling */
    } else if (n < 3 * s->fs) {
        if (s->energy > s->signal)
            s->signal = s->energy;
        s->noise = s->signal / 8;
    } else {
        if (s->energy > s->before && s->energy > s->top) {
            s->top = s->energy;
            s->top_at = n;
        }
        if (s->top && n - s->top_at >= ms(s, 200)) {
            r = judge(s, s->top, s->top_at);
            s->top = 0;
        } else if (s->qrs && s->missed && s->waiting < 0 && n - s->qrs_at > s->rr / 2 * 3) {
            if (s->missed > threshold(s) / 10 * 7 && n - s->missed_at < ECG_RING - ms(s, 400))
                r = accept(s, s->missed, s->missed_at, 4); /* looked for where one is due */
            s->missed = 0;
        }
    }
    s->before = s->energy;
    s->n = n + 1;
    return r;
}

/* The window around an R-peak, in one piece, to the network. */
static int classify_at(ecg_stream *s, int32_t r)
{
    int16_t around[272]; /* at 500 samples a second */
    int32_t reach = (67 * s->fs + 255) / 256 + 1, k;
    for (k = -reach; k <= reach; k++)
        around[reach + k] = s->x[(r + k) & (ECG_RING - 1)];
    s->one_before = s->last;
    s->last = r;
    return ecg_beat(&s->beats, around + reach, r);
}

int ecg_open(ecg_stream *s, int32_t fs, int32_t gain)
{
    unsigned char *byte = (unsigned char *)s;
    uint32_t i;
    if (fs < 100 || fs > 500)
        return -1;
    for (i = 0; i < sizeof *s; i++)
        byte[i] = 0;
    ecg_start(&s->beats, fs, gain);
    s->fs = fs;
    s->rr = ms(s, 800);
    s->waiting = -1;
    return 0;
}

int ecg_sample(ecg_stream *s, int16_t x, int32_t *time)
{
    int32_t r, i;
    int answer = -1;
    if (s->n == 0) { /* the first sample stands for what came before it */
        for (i = 0; i < ECG_RING; i++)
            s->x[i] = x;
        s->sum = x * ms(s, 16);
        for (i = 0; i < ECG_SHORT; i++)
            s->low[i] = s->sum;
    }
    r = detect(s, x);
    if (r >= 0)
        s->waiting = r;
    if (s->waiting >= 0 && s->n > s->waiting + (67 * s->fs + 255) / 256 + 1) {
        answer = classify_at(s, s->waiting);
        *time = s->one_before;
        s->waiting = -1;
    }
    return answer;
}

int ecg_close(ecg_stream *s, int32_t *time)
{
    *time = s->last;
    return ecg_finish(&s->beats);
}
