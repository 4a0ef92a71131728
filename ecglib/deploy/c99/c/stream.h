
#define ECG_RING 1024 /* samples that a stream remembers */
#define ECG_SHORT 64  /* a tenth of a second of them, at most */

/* A recording that comes sample by sample, with a detector of R-peaks. */
typedef struct {
    ecg_state beats;
    int32_t fs, n;                      /* samples a second; samples so far */
    int16_t x[ECG_RING];
    int32_t low[ECG_SHORT], slope[ECG_SHORT];
    int32_t sum, energy, before;        /* running sums over 16 ms, 90 ms; energy one sample ago */
    int32_t top, top_at;                /* the largest energy that waits to be judged */
    int32_t signal, noise;              /* running size of QRS complexes, and of everything else */
    int32_t qrs, qrs_at, rr;            /* the last QRS complex, and the running interval */
    int32_t missed, missed_at;          /* the largest energy since that was judged to be noise */
    int32_t waiting, last, one_before;  /* R-peaks: seen but not classified, and the last two */
} ecg_stream;

/* Begin. Returns 0, or -1 if fs is not from 100 to 500 samples a second. */
int ecg_open(ecg_stream *s, int32_t fs, int32_t gain);

/* One more sample. Returns the class of a beat, whose R-peak goes to *time, or -1. A beat is
   known when the next one is; the first three seconds are for getting used to the signal. */
int ecg_sample(ecg_stream *s, int16_t x, int32_t *time);

/* The class of the last beat, or -1. */
int ecg_close(ecg_stream *s, int32_t *time);
