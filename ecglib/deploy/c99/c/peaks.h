
#define ECG_PAST 64    /* samples at 200 Hz that the detector remembers */
#define ECG_PENDING 24 /* candidates that wait for what follows */

/* What may be a QRS complex: its energy, and where it and its R-peak are. */
typedef struct {
    int32_t size, at, r;
} ecg_candidate;

/* A detector of R-peaks; the same, peak for peak, as ecglib.data.signal.peaks. */
typedef struct {
    int32_t fs, filled, sum; /* samples a second; how much of a mean is there, and its sum */
    int32_t n;               /* samples at 200 Hz so far */
    int32_t y[ECG_PAST], five[8], smooth[16], bent[16], energy[ECG_PAST]; /* rings */
    int32_t of_five, of_four, of_twelve;                                  /* running sums */
    ecg_candidate pending[ECG_PENDING], missed;
    int32_t n_pending, started, found; /* found: whether there was a complex yet */
    int32_t complexes, rest, floor, ceiling; /* running sizes; bounds of that of complexes */
    int32_t interval, last; /* running interval in 1/32 sample; the last complex */
} ecg_peaks;

/* Begin. Returns 0, or -1 if fs is not from 100 to 20,000 samples a second. */
int ecg_peaks_open(ecg_peaks *p, int32_t fs, int32_t gain);

/* One more sample. Returns the sample of an R-peak, which came some 0.4 s ago, or -1. */
int32_t ecg_peaks_sample(ecg_peaks *p, int16_t x);

/* After the last sample: one R-peak after the other of those that still wait, then -1. */
int32_t ecg_peaks_rest(ecg_peaks *p);
