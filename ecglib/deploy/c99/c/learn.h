
/* What one patient's labels have taught; see ecglib.personalize.learner. */
typedef struct {
    int64_t weight[3][ECG_UNITS + 1];       /* wide part of the effects, summed over all labels */
    int32_t n;                              /* labels that are remembered */
    int16_t effect[ECG_LABELS][3];          /* what each adds, in 1/16384 */
    int8_t unit[ECG_LABELS][ECG_UNITS], label[ECG_LABELS];
} ecg_learned;

/* Class of a beat (0 N, 1 S, 2 V) after learning. `unit` are its bytes in the last hidden layer;
   its probability in 1/16384 goes to *sure. */
int ecg_decide(const ecg_learned *l, const int8_t *unit, int32_t *sure);

/* Learn that a beat has a class, 0, 1 or 2; others are ignored. The oldest of ECG_LABELS labels
   makes room for a new one. */
void ecg_learn(ecg_learned *l, const int8_t *unit, int label);

/* Bytes of the memory that keeps what was learned: two slots. ECG_PAGE is the distance of their
   beginnings: where a page of flash memory is larger than a slot, define it as that page, since
   slots that share a page are erased together. */
#define ECG_SLOT (12 + (int32_t)sizeof(ecg_learned))
#ifndef ECG_PAGE
#define ECG_PAGE ECG_SLOT
#endif
#define ECG_KEPT (ECG_PAGE + ECG_SLOT)

/* Keep what was learned. `write` stores a byte at a place from 0 to ECG_KEPT - 1 of the memory
   that `kept` shows; places ascend. In flash memory it erases a slot before its first byte. The
   other slot stays as it is, so that a power cut at any time leaves the state before or after. */
void ecg_save(const ecg_learned *l, const uint8_t *kept, void (*write)(int32_t, uint8_t));

/* Take up what was kept last; after ecg_start or ecg_open, which forget everything. Returns 0, or -1 if there is nothing whole of this network; then
   nothing has been learned. */
int ecg_load(ecg_learned *l, const uint8_t *kept);
