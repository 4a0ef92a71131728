#define ONE 65536 /* of numbers with 16 bits behind the point */

/* v / 2^shift, round half up, also for negative v. */
static int32_t shifted(int64_t v, int shift)
{
    v += (int64_t)1 << (shift - 1);
    return v >= 0 ? (int32_t)(v >> shift)
                  : (int32_t)-((-v + ((int64_t)1 << shift) - 1) >> shift);
}

static int32_t clipped(int32_t v, int32_t reach)
{
    return v > reach ? reach : v < -reach ? -reach : v;
}

/* A number with 16 bits behind the point as the byte that the network reads. */
static int8_t to_byte(int32_t v, int32_t multiplier, int shift, int32_t zero)
{
    int32_t q = shifted((int64_t)v * multiplier, shift) + zero;
    return (int8_t)(q > 127 ? 127 : q < -128 ? -128 : q);
}

/* Natural logarithm of v >= 1, bit by bit: squaring a number doubles its logarithm. */
static int32_t logarithm(uint32_t v)
{
    int32_t whole = 31, bit, result;
    while (!(v & 0x80000000u)) {
        v <<= 1;
        whole--;
    }
    result = whole;
    for (bit = 0; bit < 16; bit++) {
        uint64_t square = ((uint64_t)v * v) >> 31;
        int32_t over = (int32_t)(square >> 32);
        v = (uint32_t)(square >> over);
        result = 2 * result + over;
    }
    return shifted((int64_t)result * 45426, 16); /* log 2 */
}

/* 4 (numerator / denominator - 1), at most 8 off; 0 where there is no ratio. */
static int32_t ratio(int64_t numerator, int32_t denominator)
{
    int64_t r = denominator ? numerator * ONE / denominator : ONE;
    if (r > 4 * ONE)
        return 8 * ONE;
    return clipped(4 * ((int32_t)r - ONE), 8 * ONE);
}

static void set_rr(ecg_state *s, int column, int32_t v)
{
    s->rr[column] = to_byte(clipped(v, 8 * ONE), RR_MULTIPLIER, RR_SHIFT, RR_ZERO);
}

static int32_t most(int32_t n, int32_t limit)
{
    return n < limit ? n : limit;
}

/* Differences of the means over 1/128 s; positions are in 1/256 sample. */
static void differences(const int16_t *r_peak, int32_t fs, int32_t *d)
{
    int32_t reach = (67 * fs + 255) / 256 + 1, k, before = 0;
    int32_t at = reach * 256 - 67 * fs + 128;
    const int16_t *x = r_peak - reach;
    for (k = 0; k < 65; k++) {
        int32_t end = reach * 256 + (2 * k - 65) * fs + 128, area = 0;
        while (at < end) {
            int32_t i = at / 256, next = most((i + 1) * 256, end);
            area += (next - at) * x[i];
            at = next;
        }
        if (k > 0)
            d[k - 1] = clipped(area - before, (int32_t)1 << 24);
        before = area;
    }
}

/* The window of a beat: in running amplitudes, and what it has beyond the usual beat. */
static void look(ecg_state *s, const int16_t *r_peak)
{
    int32_t d[64], sum = 0, k, n = s->n_beats + 1;
    int64_t reciprocal;
    differences(r_peak, s->fs, d);
    for (k = 0; k < 64; k++)
        sum += d[k] < 0 ? -d[k] : d[k];
    if (sum < s->floor)
        sum = s->floor;
    s->amplitude += (sum - s->amplitude) / most(n, 80);
    reciprocal = ((int64_t)1 << 44) / ((int64_t)3 * s->amplitude);
    for (k = 0; k < 64; k++) {
        int32_t v = shifted(d[k] * reciprocal, 22), novel;
        if (n == 1)
            s->template_[k] = v;
        novel = v - s->template_[k];
        s->beat[k] = to_byte(v, BEAT_MULTIPLIER, BEAT_SHIFT, BEAT_ZERO);
        s->beat[64 + k] = to_byte(novel, BEAT_MULTIPLIER, BEAT_SHIFT, BEAT_ZERO);
        s->template_[k] += n <= 20 ? novel / n : clipped(novel / 4, 655);
    }
}

/* What the interval that begins with the waiting beat says about it. */
static void look_ahead(ecg_state *s, int32_t post)
{
    int32_t n = s->n_intervals;
    if (n == 0)
        return;
    set_rr(s, 2, ratio((int64_t)post * most(n, 80), s->sum80));
    set_rr(s, 3, ratio((int64_t)post * most(n, 400), s->sum400));
    set_rr(s, 4, ratio(s->rr_last, post));
    set_rr(s, 6, 4 * (logarithm(post > 0 ? (uint32_t)post : 1u) - s->baseline_before));
}

/* One more interval; both sums are of the last 80 and 400. */
static void keep(ecg_state *s, int32_t rr)
{
    int32_t n = s->n_intervals, place = n % 400;
    s->sum80 += rr - (n >= 80 ? s->intervals[(n - 80) % 400] : 0);
    s->sum400 += rr - (n >= 400 ? s->intervals[place] : 0);
    s->intervals[place] = (uint16_t)rr;
    s->n_intervals = n + 1;
    s->rr_last = rr;
}

#if ECG_SPREAD
/* How far a logarithm is from the mean of those before, in their spread. */
static int32_t unusual(const ecg_state *s, int32_t log_rr)
{
    int32_t n = most(s->n_intervals - 1, 24), mean = 0, spread = 0, k;
    for (k = 0; k < n; k++)
        mean += s->logs[k];
    mean /= n;
    for (k = 0; k < n; k++)
        spread += s->logs[k] < mean ? mean - s->logs[k] : s->logs[k] - mean;
    return (int32_t)((int64_t)(log_rr - mean) * ONE / (spread / n + 1966)); /* 0.03 */
}
#endif

/* What the interval that ends with a beat says about it. */
static void look_back(ecg_state *s, int32_t rr)
{
    int32_t log_rr = logarithm(rr > 0 ? (uint32_t)rr : 1u), n;
    keep(s, rr);
    n = s->n_intervals;
    if (n == 1)
        s->baseline = log_rr;
    s->baseline_before = s->baseline;
    s->baseline += clipped(log_rr - s->baseline, 6554) / most(n + 1, 50);
    set_rr(s, 0, ratio((int64_t)rr * most(n, 80), s->sum80));
    set_rr(s, 1, ratio((int64_t)rr * most(n, 400), s->sum400));
    set_rr(s, 5, 4 * (log_rr - s->baseline_before));
    if (n > 1) {
        int32_t change = log_rr - s->log_last, place = (n - 2) % 24;
        change = most(change < 0 ? -change : change, ONE / 2);
        s->sum_changes += change - (n - 2 >= 24 ? s->changes[place] : 0);
        s->changes[place] = (uint16_t)change;
        set_rr(s, 7, 8 * s->sum_changes / most(n - 1, 24));
#if ECG_UNREST
        s->unrest += (change * 256 - s->unrest) / most(n - 1, 128);
        set_rr(s, ECG_UNREST, s->unrest / 32);
#endif
    }
    s->log_last = log_rr;
#if ECG_RECENT
    for (n = 2; n >= 0; n--) {
        set_rr(s, ECG_RECENT + n, s->early[n]);
        s->early[n] = n > 0 ? s->early[n - 1] : 4 * (log_rr - s->baseline_before);
    }
#endif
#if ECG_SPREAD
    if (s->n_intervals > 2)
        set_rr(s, ECG_SPREAD, unusual(s, log_rr));
    s->logs[(s->n_intervals - 1) % 24] = log_rr;
#endif
}

void ecg_start(ecg_state *s, int32_t fs, int32_t gain)
{
    unsigned char *byte = (unsigned char *)s;
    uint32_t i;
    for (i = 0; i < sizeof *s; i++)
        byte[i] = 0;
    s->fs = fs;
    s->floor = (int32_t)((int64_t)fs * gain / 78) + 1; /* 0.0001 mV */
}

/* The class of the beat that waits. */
static int classify_waiting(ecg_state *s)
{
#if ECG_LEARNS
    int32_t place = s->n_classified++ % ECG_WAITING, sure;
    int8_t *unit = s->recent[place].unit;
    int answer = network(s->beat, s->rr, unit);
    s->recent[place].time = s->time;
    return s->learned.n > 0 ? ecg_decide(&s->learned, unit, &sure) : answer;
#else
    return classify(s->beat, s->rr);
#endif
}

int ecg_beat(ecg_state *s, const int16_t *r_peak, int32_t time)
{
    int32_t rr = time - s->time, column;
    int answer = -1;
    if (rr > 10 * s->fs) /* a gap, not a pause of the heart */
        rr = s->n_intervals > 0 ? s->rr_last : s->fs;
    if (s->n_beats > 0) {
        look_ahead(s, rr);
        answer = classify_waiting(s);
    }
    look(s, r_peak);
    for (column = 0; column < ECG_COLUMNS; column++)
        set_rr(s, column, 0);
    if (s->n_beats > 0)
        look_back(s, rr);
    s->time = time;
    s->n_beats++;
    return answer;
}

int ecg_finish(ecg_state *s)
{
    return s->n_beats > 0 ? classify_waiting(s) : -1;
}

#if ECG_LEARNS
int ecg_ask(ecg_state *s, int32_t per_hour)
{
    int32_t last = s->n_classified - 1, sure, hour = 3600 * s->fs;
    if (last < 0)
        return 0;
    ecg_decide(&s->learned, s->recent[last % ECG_WAITING].unit, &sure);
    if (sure >= LEARN_UNSURE)
        return 0;
    /* permitted labels grow at a constant rate, and are rounded up */
    if (((int64_t)per_hour * s->recent[last % ECG_WAITING].time + hour - 1) / hour <= s->n_asked)
        return 0;
    s->n_asked++;
    return 1;
}

int ecg_label(ecg_state *s, int32_t time, int label)
{
    int32_t n = most(s->n_classified, ECG_WAITING), i;
    if (label < 0 || label > 2)
        return -1;
    for (i = 0; i < n; i++)
        if (s->recent[i].time == time) {
            ecg_learn(&s->learned, s->recent[i].unit, label);
            return 0;
        }
    return -2;
}
#endif
