/* What is known about one patient. */
typedef struct {
    int32_t fs, floor;             /* samples a second; least running amplitude */
    int32_t n_beats, time;         /* beats so far; R-peak of the last one */
    int32_t amplitude;             /* running sum of absolute differences of a window */
    int32_t template_[64];         /* usual beat, in 1/65536 of three running amplitudes */
    int8_t beat[128], rr[ECG_COLUMNS]; /* the beat that waits for the next one */
    uint16_t intervals[400];       /* last RR intervals, in samples */
    uint16_t changes[24];          /* last changes of log RR, in 1/65536 */
    int32_t n_intervals, sum80, sum400, sum_changes;
    int32_t rr_last, log_last, baseline, baseline_before;
#if ECG_RECENT
    int32_t early[3];              /* of the last beats, from the baseline, in 1/65536 */
#endif
#if ECG_SPREAD
    int32_t logs[24];              /* last logarithms of RR, in 1/65536 */
#endif
#if ECG_UNREST
    int32_t unrest;                /* slow mean of the changes, in 1/2^24 */
#endif
#if ECG_LEARNS
    ecg_learned learned;
    int32_t n_classified, n_asked; /* beats so far; of these, asked for */
    struct {
        int32_t time;
        int8_t unit[ECG_UNITS];
    } recent[ECG_WAITING];         /* last beats, which may still be labelled */
#endif
} ecg_state;

/* Begin a recording of `fs` samples a second and `gain` units a millivolt. */
void ecg_start(ecg_state *s, int32_t fs, int32_t gain);

/* One more beat. `r_peak` points at its R-peak among the samples, of which 0.27 s on both sides
   are read; `time` is the R-peak's number, ascending. Returns the class of the beat before
   (0 N, 1 S, 2 V), or -1 at the first one. */
int ecg_beat(ecg_state *s, const int16_t *r_peak, int32_t time);

/* The class of the last beat, or -1 if there was none. */
int ecg_finish(ecg_state *s);

#if ECG_LEARNS
/* Whether to ask for the class of the beat that was classified last: the network is unsure, and
   no more than `per_hour` labels an hour have been asked for. */
int ecg_ask(ecg_state *s, int32_t per_hour);

/* The class of the beat at `time`, as somebody says; the network learns from it. Returns 0, -1 if
   the class is not 0, 1 or 2, or -2 if the beat is not one of the last ECG_WAITING. */
int ecg_label(ecg_state *s, int32_t time, int label);
#endif
