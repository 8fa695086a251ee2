/* fault.h - named points where tests inject faults.
 *
 * VRSAS_FAULTS="name=action[@n],...": action is kill (SIGKILL to this process), stop
 * (SIGSTOP) or fail (the call reports failure); n selects the n-th time that the point is
 * passed (default 1; 0: every time). Built in only with -DVRS_FAULTS=ON (dev, tsan,
 * coverage, fuzz presets); otherwise every call is the constant 0. */
#ifndef VRS_FAULT_H
#define VRS_FAULT_H

#ifdef VRS_FAULTS
/* 1: the caller must behave as if the step had failed. */
int vrs_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#else
#define vrs_fault(...) 0
#endif

#endif
