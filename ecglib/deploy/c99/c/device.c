/* The whole device as a program: samples in, classes and questions out, labels in.
   Input: pairs of numbers of 32 bits. (-1, x) is one more sample; (time, class) is the label of
   the beat at that time. Output: three such numbers for each beat: its time, its class, and
   whether the device asks about it. */
#ifdef BARE /* no library: the three calls of Linux that an emulator answers */
static long call(long number, long a, long b, long c)
{
    register long r0 __asm__("r0") = a, r1 __asm__("r1") = b, r2 __asm__("r2") = c;
    register long r7 __asm__("r7") = number;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r1), "r"(r2), "r"(r7) : "memory");
    return r0;
}

static int took(void *to, long n)
{
    return call(3, 0, (long)to, n) == n;
}

static void gave(const void *from, long n)
{
    call(4, 1, (long)from, n);
}

#define MAIN void _start(void)
#define DONE call(1, 0, 0, 0)
#else
#include <stdio.h>

static int took(void *to, long n)
{
    return fread(to, 1, (size_t)n, stdin) == (size_t)n;
}

static void gave(const void *from, long n)
{
    fwrite(from, 1, (size_t)n, stdout);
}

#define MAIN int main(void)
#define DONE return 0
#endif

static ecg_stream device;

MAIN
{
    int32_t in[2], out[3];
    ecg_open(&device, DEVICE_FS, DEVICE_GAIN);
    while (took(in, sizeof in)) {
        if (in[0] >= 0)
            ecg_label(&device.beats, in[0], in[1]);
        else if ((out[1] = ecg_sample(&device, (int16_t)in[1], &out[0])) >= 0) {
            out[2] = ecg_ask(&device.beats, DEVICE_ASKS);
            gave(out, sizeof out);
        }
    }
    while ((out[1] = ecg_close(&device, &out[0])) >= 0) {
        out[2] = 0;
        gave(out, sizeof out);
    }
    DONE;
}
