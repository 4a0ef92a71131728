/* v / 2^shift, round half up. */
static int64_t scaled(int64_t v, int shift)
{
    v += (int64_t)1 << (shift - 1);
    return v >= 0 ? v >> shift : -((-v + ((int64_t)1 << shift) - 1) >> shift);
}

static int64_t within(int64_t v, int64_t reach)
{
    return v > reach ? reach : v < -reach ? -reach : v;
}

/* Byte k of a beat as it was before 128 was subtracted; the last one is the same for all. */
static int32_t value(const int8_t *unit, int32_t k)
{
    return k < ECG_UNITS ? unit[k] + 128 : LEARN_BIAS;
}

/* Logits of the network in 1/65536. */
static void own_logits(const int8_t *unit, int64_t *logit)
{
    int32_t c;
    for (c = 0; c < 3; c++) {
        int32_t sum = OUT_BIAS[c] + dot(OUT_WEIGHT + c * ECG_UNITS, unit, ECG_UNITS);
        logit[c] = within(scaled((int64_t)OUT_MULTIPLIER[c] * sum, OUT_SHIFT - 16), LOGIT_MAX);
    }
}

/* Near part of the kernel, in 1/32768. */
static int32_t nearness(const int8_t *a, const int8_t *b)
{
    uint32_t distance = 0;
    int32_t k;
    for (k = 0; k < ECG_UNITS; k++)
        distance += near_weight[k] * (uint32_t)((a[k] - b[k]) * (a[k] - b[k]));
    return (int32_t)(((uint32_t)1 << 27) / (4096 + (distance >> NEAR_SHIFT)));
}

static int answer_of(const int64_t *logit)
{
    int found = 0, c;
    for (c = 1; c < 3; c++)
        if (logit[c] > logit[found])
            found = c;
    return found;
}

/* Logits after learning; returns the class of the nearest label that is remembered, or -1. */
static int corrected(const ecg_learned *l, const int8_t *unit, int64_t *logit)
{
    int64_t near_part[3] = {0, 0, 0}, wide_part[3] = {0, 0, 0};
    int32_t nearest = -1, c, i, k;
    int its_class = -1;
    own_logits(unit, logit);
    for (i = 0; i < l->n; i++) {
        int32_t near_it = nearness(unit, l->unit[i]);
        if (near_it > nearest) {
            nearest = near_it;
            its_class = l->label[i];
        }
        for (c = 0; c < 3; c++)
            near_part[c] += (int64_t)near_it * l->effect[i][c];
    }
    for (c = 0; c < 3; c++) {
        for (k = 0; k <= ECG_UNITS; k++)
            wide_part[c] += l->weight[c][k] * value(unit, k);
        logit[c] += scaled(LEARN_NEAR * near_part[c], 13) + scaled(wide_part[c], WIDE_SHIFT - 2);
        logit[c] = within(logit[c], LOGIT_MAX);
    }
    return its_class;
}

/* Probabilities in 1/16384. */
static void probabilities(const int64_t *logit, int32_t *p)
{
    int64_t top = logit[0];
    int32_t sum = 0, c;
    for (c = 1; c < 3; c++)
        if (logit[c] > top)
            top = logit[c];
    for (c = 0; c < 3; c++) {
        int64_t power = ((top - logit[c]) * 94548) >> 16; /* / log 2 */
        int32_t step = (int32_t)(power & 0xFFFF) >> 12, part = (int32_t)power & 0xFFF;
        int32_t e = power_of_half[step];
        e -= ((e - power_of_half[step + 1]) * part) >> 12;
        p[c] = (power >> 16) < 30 ? e >> (power >> 16) : 0;
        sum += p[c];
    }
    for (c = 0; c < 3; c++)
        p[c] = (int32_t)(((uint32_t)p[c] << 14) / (uint32_t)sum);
}

/* Set the effect of one label to what the others leave for it to explain; none, if its class is
   nearly impossible, both to the untaught network and to the one taught by the others. */
static void settle(ecg_learned *l, int32_t place)
{
    const int8_t *unit = l->unit[place];
    int32_t reach[ECG_UNITS + 1], effect[3], p[3], untaught[3], speed, c, j, k;
    int32_t steps = LEARN_NEXT, label = l->label[place];
    int64_t others[3], now[3], own = 0;
    for (k = 0; k <= ECG_UNITS; k++) {
        reach[k] = 0;
        for (j = 0; j <= ECG_UNITS; j++)
            reach[k] += wide_kernel[k * (ECG_UNITS + 1) + j] * value(unit, j);
        own += (int64_t)reach[k] * value(unit, k);
    }
    own = ((int64_t)LEARN_NEAR << 16) + scaled(own * 65536, WIDE_SHIFT);
    corrected(l, unit, others);
    for (c = 0; c < 3; c++)
        others[c] -= scaled(own * l->effect[place][c], 14);
    probabilities(others, p);
    own_logits(unit, now);
    probabilities(now, untaught);
    if (!l->effect[place][0] && !l->effect[place][1] && !l->effect[place][2])
        steps = LEARN_FIRST;
    speed = (int32_t)(((int64_t)1 << 32) / (65536 + own / 2));
    if (p[label] < LEARN_DOUBT && untaught[label] < LEARN_DOUBT)
        steps = 0;
    for (c = 0; c < 3; c++)
        effect[c] = steps ? l->effect[place][c] : 0;
    while (steps-- > 0) {
        for (c = 0; c < 3; c++)
            now[c] = others[c] + scaled(own * effect[c], 14);
        probabilities(now, p);
        for (c = 0; c < 3; c++) {
            int32_t wanted = c == label ? 16384 : 0;
            effect[c] += (int32_t)scaled((int64_t)(wanted - p[c] - effect[c]) * speed, 16);
        }
    }
    for (c = 0; c < 3; c++) {
        for (k = 0; k <= ECG_UNITS; k++)
            l->weight[c][k] += (int64_t)(effect[c] - l->effect[place][c]) * reach[k];
        l->effect[place][c] = (int16_t)effect[c];
    }
}

/* Forget the oldest label; the wide part of its effect stays. */
static void forget(ecg_learned *l)
{
    int32_t i, k;
    for (i = 1; i < l->n; i++) {
        for (k = 0; k < ECG_UNITS; k++)
            l->unit[i - 1][k] = l->unit[i][k];
        for (k = 0; k < 3; k++)
            l->effect[i - 1][k] = l->effect[i][k];
        l->label[i - 1] = l->label[i];
    }
    l->n--;
}

void ecg_learn(ecg_learned *l, const int8_t *unit, int label)
{
    int32_t k;
    if (label < 0 || label > 2)
        return;
    if (l->n == ECG_LABELS)
        forget(l);
    for (k = 0; k < ECG_UNITS; k++)
        l->unit[l->n][k] = unit[k];
    for (k = 0; k < 3; k++)
        l->effect[l->n][k] = 0;
    l->label[l->n++] = (int8_t)label;
    for (k = l->n - 1; k >= 0; k--)
        settle(l, k);
}

int ecg_decide(const ecg_learned *l, const int8_t *unit, int32_t *sure)
{
    int64_t logit[3], own[3];
    int32_t p[3];
    int spoken_for = corrected(l, unit, logit), answer = answer_of(logit);
    own_logits(unit, own);
    if (answer != spoken_for && answer != answer_of(own)) { /* no label speaks for this change */
        answer = answer_of(own);
        probabilities(own, p);
    } else {
        probabilities(logit, p);
    }
    *sure = p[answer];
    return answer;
}

/* CRC-32 of one more byte (IEEE 802.3). */
static uint32_t crc(uint32_t before, uint8_t byte)
{
    int bit;
    before ^= byte;
    for (bit = 0; bit < 8; bit++)
        before = before & 1 ? (before >> 1) ^ 0xEDB88320u : before >> 1;
    return before;
}

static uint32_t number_at(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Whether a slot is whole and of this network: identity, number of the save, state, checksum. */
static int is_whole(const uint8_t *slot)
{
    uint32_t sum = 0xFFFFFFFFu;
    int32_t i;
    for (i = 0; i < ECG_SLOT - 4; i++)
        sum = crc(sum, slot[i]);
    return number_at(slot) == ECG_IDENTITY && number_at(slot + ECG_SLOT - 4) == ~sum;
}

/* The slot that was saved last, or -1. */
static int last_slot(const uint8_t *kept)
{
    int first = is_whole(kept), second = is_whole(kept + ECG_PAGE);
    if (first && second) /* the numbers of saves may have begun anew at 0 */
        return (number_at(kept + ECG_PAGE + 4) - number_at(kept + 4)) < 0x80000000u;
    return first ? 0 : second ? 1 : -1;
}

void ecg_save(const ecg_learned *l, const uint8_t *kept, void (*write)(int32_t, uint8_t))
{
    int last = last_slot(kept);
    int32_t start = last == 0 ? ECG_PAGE : 0, i;
    uint32_t save = last < 0 ? 0 : number_at(kept + last * ECG_PAGE + 4) + 1, sum = 0xFFFFFFFFu;
    for (i = 0; i < ECG_SLOT; i++) {
        uint8_t byte;
        if (i < 4)
            byte = (uint8_t)(ECG_IDENTITY >> 8 * i);
        else if (i < 8)
            byte = (uint8_t)(save >> 8 * (i - 4));
        else if (i < ECG_SLOT - 4)
            byte = ((const uint8_t *)l)[i - 8];
        else
            byte = (uint8_t)(~sum >> 8 * (i - (ECG_SLOT - 4)));
        if (i < ECG_SLOT - 4)
            sum = crc(sum, byte);
        write(start + i, byte);
    }
}

int ecg_load(ecg_learned *l, const uint8_t *kept)
{
    int last = last_slot(kept);
    uint8_t *byte = (uint8_t *)l;
    uint32_t i;
    for (i = 0; i < sizeof *l; i++)
        byte[i] = last < 0 ? 0 : kept[last * ECG_PAGE + 8 + (int32_t)i];
    return last < 0 ? -1 : 0;
}
