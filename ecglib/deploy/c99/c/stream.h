
#define ECG_RING 1024 /* samples that a stream remembers */

/* A recording that comes sample by sample: R-peaks are found, and their beats classified. */
typedef struct {
    ecg_state beats;
    ecg_peaks peaks;
    int32_t n, last, one_before; /* samples so far; the last two R-peaks */
    int16_t x[ECG_RING];
} ecg_stream;

/* Begin. Returns 0, or -1 if fs is not from 100 to 500 samples a second. */
int ecg_open(ecg_stream *s, int32_t fs, int32_t gain);

/* One more sample. Returns the class of a beat, whose R-peak goes to *time, or -1. A beat is
   known when the next one is; the first ones, when two seconds are over. */
int ecg_sample(ecg_stream *s, int16_t x, int32_t *time);

/* The class of the last beat, or -1. */
int ecg_close(ecg_stream *s, int32_t *time);
