/* What a page in a browser calls: samples go in in chunks, beats come out. Every pointer is a
   fixed place in the page's memory, which it reads and writes itself. */
#include "network.h"

#define WEB_SAMPLES 16384
#define WEB_BEATS 4096 /* more than a chunk can have, which is one in 0.2 s */

static ecg_stream stream;
static int32_t n_beats;

int16_t web_samples[WEB_SAMPLES];    /* a chunk of the recording */
int32_t web_time[WEB_BEATS];         /* of the beats of a chunk: R-peak, */
int8_t web_class[WEB_BEATS];         /* class (0 N, 1 S, 2 V), */
int32_t web_sure[WEB_BEATS];         /* its probability in 1/16384, */
int8_t web_unit[WEB_BEATS][ECG_UNITS]; /* and the bytes of the last hidden layer */
const int32_t web_sizes[3] = {WEB_SAMPLES, WEB_BEATS, ECG_UNITS};

/* Keep the beat that was classified last. */
static void keep_beat(int answer, int32_t time)
{
    const ecg_state *s = &stream.beats;
    const int8_t *unit = s->recent[(s->n_classified - 1) % ECG_WAITING].unit;
    int32_t k;
    for (k = 0; k < ECG_UNITS; k++)
        web_unit[n_beats][k] = unit[k];
    web_time[n_beats] = time;
    web_class[n_beats] = (int8_t)answer;
    ecg_decide(&s->learned, unit, &web_sure[n_beats]);
    n_beats++;
}

/* Begin a recording; nothing has been learned. Returns 0, or -1 if fs is not read. */
int32_t web_open(int32_t fs, int32_t gain)
{
    return ecg_open(&stream, fs, gain);
}

/* n more samples, from web_samples. Returns the number of beats that became known. */
int32_t web_feed(int32_t n)
{
    int32_t i, time;
    n_beats = 0;
    for (i = 0; i < n; i++) {
        int answer = ecg_sample(&stream, web_samples[i], &time);
        if (answer >= 0)
            keep_beat(answer, time);
    }
    return n_beats;
}

/* After the last sample. Returns the number of beats that still waited. */
int32_t web_close(void)
{
    int32_t time;
    int answer;
    n_beats = 0;
    while ((answer = ecg_close(&stream, &time)) >= 0)
        keep_beat(answer, time);
    return n_beats;
}

/* Learn that the beat of the bytes in web_unit[0] has this class. */
void web_learn(int32_t label)
{
    ecg_learn(&stream.beats.learned, web_unit[0], label);
}

/* Classes and probabilities of n beats, whose bytes are in web_unit, after learning. */
void web_decide(int32_t n)
{
    int32_t i, sure;
    for (i = 0; i < n; i++) {
        web_class[i] = (int8_t)ecg_decide(&stream.beats.learned, web_unit[i], &sure);
        web_sure[i] = sure;
    }
}
