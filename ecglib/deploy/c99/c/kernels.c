/* Sum of products of bytes; both rows are contiguous. */
static int32_t dot(const int8_t *w, const int8_t *x, int32_t n)
{
    int32_t sum = 0;
    while (n-- > 0)
        sum += (int32_t)*w++ * *x++;
    return sum;
}

/* One layer: sums over a window of `n_taps` bytes that moves by `step` bytes a sample,
   the largest of `pool` neighbours, ReLU, and back to bytes, round half up. A sum is
   never negative when it is shifted, so the shift is portable. */
static void layer(const int8_t *x, int32_t step, int32_t n_taps, const int8_t *w,
                  const int32_t *bias, const int32_t *multiplier, int shift, int32_t n_out,
                  int32_t n_times, int32_t pool, int32_t zero, int8_t *y)
{
    int32_t t, c, p;
    for (t = 0; t < n_times; t++)
        for (c = 0; c < n_out; c++) {
            int32_t best = 0, q;
            int64_t half;
            for (p = 0; p < pool; p++) {
                const int8_t *window = x + (t * pool + p) * step;
                int32_t sum = bias[c] + dot(w + c * n_taps, window, n_taps);
                if (sum > best)
                    best = sum;
            }
            half = (int64_t)1 << (shift - 1);
            q = zero + (int32_t)(((int64_t)best * multiplier[c] + half) >> shift);
            *y++ = (int8_t)(q < 127 ? q : 127);
        }
}

/* The class with the largest sum on one scale; the first of equals. */
static int largest(const int8_t *x, int32_t n_taps, const int8_t *w, const int32_t *bias,
                   const int32_t *multiplier, int32_t n_out)
{
    int64_t best = 0;
    int32_t c;
    int answer = 0;
    for (c = 0; c < n_out; c++) {
        int64_t logit = (int64_t)multiplier[c] * (bias[c] + dot(w + c * n_taps, x, n_taps));
        if (c == 0 || logit > best) {
            best = logit;
            answer = (int)c;
        }
    }
    return answer;
}
