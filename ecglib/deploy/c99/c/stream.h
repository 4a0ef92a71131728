
#define ECG_RING 1152   /* samples that a stream remembers: the first beat waits 2.2 s */
#define ECG_AROUND 272  /* samples of a window, at most */

/* A recording that comes sample by sample: R-peaks are found, and their beats classified. */
typedef struct {
    ecg_state beats;
    ecg_peaks peaks;
    int32_t n, last;  /* samples so far; the last R-peak */
    int32_t around_r; /* R-peak of the window that was cut out last */
    int16_t around[ECG_AROUND], x[ECG_RING];
} ecg_stream;

/* Begin. Returns 0, or -1 if fs is not from 100 to 500 samples a second. */
int ecg_open(ecg_stream *s, int32_t fs, int32_t gain);

/* One more sample. Returns the class of a beat, whose R-peak goes to *time, or -1. A beat is
   known when the next one is; the first ones, when two seconds are over. */
int ecg_sample(ecg_stream *s, int16_t x, int32_t *time);

/* After the last sample: the class of one beat after the other of those that wait, then -1. */
int ecg_close(ecg_stream *s, int32_t *time);
