enum {
    HZ = 200,
    DELAY = 15, /* of the energy behind the signal */
    APART = 20, /* a candidate is the largest within so many samples */
    REACH = 14, AROUND = 22, /* of an R-peak from its candidate, and of the mean beside it */
    START = 280, FOLLOW = 46, REFRACTORY = 40, T_WAVE = 60, IDLE = 600,
    SMALLEST = 3, LARGEST = 160 /* size of complexes, in gains */
};

static int32_t past(const int32_t *ring, int32_t i)
{
    return ring[i & (ECG_PAST - 1)];
}

static int32_t smaller(int32_t a, int32_t b)
{
    return a < b ? a : b;
}

static int32_t size_of(int32_t v)
{
    return v < 0 ? -v : v;
}

/* The R-peak of a candidate: where the signal lies farthest from its mean around it, placed
   between two samples by a parabola; in samples of the recording. */
static int32_t place(const ecg_peaks *p, int32_t at)
{
    int32_t centre = at - DELAY, k, top = 0, far = -1, sum = 0, near[2], width, between;
    int32_t count = 2 * AROUND + 1;
    int64_t sixteenths;
    for (k = -AROUND; k <= AROUND; k++)
        sum += past(p->y, centre + k);
    for (k = -REACH; k <= REACH; k++) {
        int32_t d = size_of(count * past(p->y, centre + k) - sum);
        if (d > far) {
            far = d;
            top = k;
        }
    }
    near[0] = size_of(count * past(p->y, centre + top - 1) - sum);
    near[1] = size_of(count * past(p->y, centre + top + 1) - sum);
    width = 2 * far - near[0] - near[1];
    if (width < size_of(near[1] - near[0]))
        width = size_of(near[1] - near[0]);
    if (width < 1)
        width = 1;
    between = (int32_t)((8 * (int64_t)(near[1] - near[0]) + 9 * (int64_t)width) / width) - 9;
    sixteenths = 16 * (int64_t)(centre + top) + between + 8;
    return sixteenths < 0 ? 0 : (int32_t)(sixteenths * p->fs / (16 * HZ));
}

/* Add the energy of 100 ms ago to the candidates, if it is the largest around. */
static void consider(ecg_peaks *p)
{
    int32_t at = p->n - APART, k, size;
    ecg_candidate *c;
    if (at < 0)
        return;
    size = past(p->energy, at);
    for (k = 1; k <= APART; k++)
        if (past(p->energy, at - k) >= size || past(p->energy, at + k) > size)
            return;
    c = &p->pending[p->n_pending++];
    c->size = size;
    c->at = at;
    c->r = place(p, at);
}

/* One more sample at 200 Hz: smooth, difference twice, rectify, sum. */
static void step(ecg_peaks *p, int32_t y)
{
    int32_t n = p->n, k, bent;
    if (n == 0) { /* the first sample stands for what came before it */
        for (k = 0; k < ECG_PAST; k++)
            p->y[k] = y;
        for (k = 0; k < 8; k++)
            p->five[k] = 5 * y;
        for (k = 0; k < 16; k++)
            p->smooth[k] = 20 * y;
        p->of_five = 5 * y;
        p->of_four = 20 * y;
    }
    p->of_five += y - past(p->y, n - 5);
    p->y[n & (ECG_PAST - 1)] = y;
    p->of_four += p->of_five - p->five[(n - 4) & 7];
    p->five[n & 7] = p->of_five;
    bent = size_of(p->of_four - 2 * p->smooth[(n - 6) & 15] + p->smooth[(n - 12) & 15]);
    p->smooth[n & 15] = p->of_four;
    p->of_twelve += bent - p->bent[(n - 12) & 15];
    p->bent[n & 15] = bent;
    p->energy[n & (ECG_PAST - 1)] = p->of_twelve >> 6;
    consider(p);
    p->n = n + 1;
}

/* A level above the size of everything else, in 1/128 of the way to complexes. */
static int32_t above(const ecg_peaks *p, int32_t share)
{
    return p->rest + (int32_t)((int64_t)(p->complexes - p->rest) * share >> 7);
}

static void keep_apart(ecg_peaks *p)
{
    int32_t least = (int32_t)((int64_t)p->rest * 5 >> 2);
    if (p->complexes < least)
        p->complexes = least;
    if (p->complexes < p->floor)
        p->complexes = p->floor;
    p->complexes = smaller(p->complexes, p->ceiling);
}

static int32_t accept(ecg_peaks *p, const ecg_candidate *c)
{
    int32_t since = c->at - p->last;
    if (p->found && since < IDLE)
        p->interval += since - (p->interval >> 5);
    p->complexes = (3 * p->complexes + smaller(c->size, 3 * p->complexes)) >> 2;
    p->last = c->at;
    p->found = 1;
    p->missed.size = 0;
    keep_apart(p);
    return c->r;
}

/* The largest candidate since the last complex, if the next one is overdue; else -1. */
static int32_t overdue(ecg_peaks *p, int32_t now)
{
    ecg_candidate missed = p->missed;
    int32_t least;
    if (!p->found || 64 * (int64_t)(now - p->last) <= 3 * (int64_t)p->interval)
        return -1;
    p->missed.size = 0;
    least = above(p, 49) >> 1;
    return missed.size > least && missed.size > p->floor ? accept(p, &missed) : -1;
}

/* Whether a much larger candidate follows the first one that waits. */
static int follows(const ecg_peaks *p)
{
    int32_t i;
    for (i = 1; i < p->n_pending && p->pending[i].at - p->pending[0].at < FOLLOW; i++)
        if (8 * (int64_t)p->pending[i].size > 9 * (int64_t)p->pending[0].size)
            return 1;
    return 0;
}

/* Take the first candidate that waits from the others; its R-peak if it is a complex, or -1. */
static int32_t judge(ecg_peaks *p)
{
    ecg_candidate c = p->pending[0];
    int32_t since = p->found ? c.at - p->last : IDLE + 1, i;
    int32_t early = (int32_t)((int64_t)p->interval * 5 >> 8), share = 49, dropped = follows(p);
    p->n_pending--;
    for (i = 0; i < p->n_pending; i++)
        p->pending[i] = p->pending[i + 1];
    if (since < early) /* three times as high right after the last complex */
        share += 98 * (early - since) / early;
    if (!dropped && since > REFRACTORY && c.size > above(p, share))
        return accept(p, &c);
    if (!dropped && since > T_WAVE && c.size > p->missed.size)
        p->missed = c;
    p->rest = (5 * p->rest + 3 * smaller(c.size, p->complexes)) >> 3;
    if (since > IDLE)
        p->complexes -= p->complexes >> 3;
    keep_apart(p);
    return -1;
}

/* The size of complexes is at first that of the largest of the first candidates. */
static void begin(ecg_peaks *p)
{
    int32_t i;
    for (i = 0; i < p->n_pending && p->pending[i].at < p->pending[0].at + START; i++)
        if (p->complexes < p->pending[i].size)
            p->complexes = p->pending[i].size;
    p->started = 1;
    keep_apart(p);
}

/* The next R-peak among the candidates up to a place; -1 if there is none. */
static int32_t next(ecg_peaks *p, int32_t known)
{
    int32_t r;
    if (!p->started && p->n_pending && p->pending[0].at + START <= known + 1)
        begin(p);
    if (!p->started || !p->n_pending || p->pending[0].at > known)
        return overdue(p, known);
    r = overdue(p, p->pending[0].at);
    return r >= 0 ? r : judge(p);
}

int ecg_peaks_open(ecg_peaks *p, int32_t fs, int32_t gain)
{
    unsigned char *byte = (unsigned char *)p;
    uint32_t i;
    if (fs < 100 || fs > 20000)
        return -1;
    for (i = 0; i < sizeof *p; i++)
        byte[i] = 0;
    p->fs = fs;
    p->floor = SMALLEST * gain;
    p->ceiling = LARGEST * gain;
    p->interval = 32 * 160;
    return 0;
}

int32_t ecg_peaks_sample(ecg_peaks *p, int16_t x)
{
    int32_t units = x + 32768, left = HZ, part, room;
    while (left) { /* means over 1/200 s, in 1/16 unit */
        room = p->fs - p->filled;
        part = smaller(left, room);
        p->sum += part * units;
        p->filled += part;
        left -= part;
        if (p->filled == p->fs) {
            step(p, p->sum / p->fs * 16 + p->sum % p->fs * 16 / p->fs);
            p->sum = p->filled = 0;
        }
    }
    return next(p, p->n - 1 - APART - FOLLOW);
}

int32_t ecg_peaks_rest(ecg_peaks *p)
{
    int32_t r = -1;
    if (!p->started && p->n_pending)
        begin(p);
    while (r < 0 && p->n_pending) {
        r = overdue(p, p->pending[0].at);
        if (r < 0)
            r = judge(p);
    }
    return r < 0 ? overdue(p, p->n - 1 - APART - FOLLOW) : r;
}
