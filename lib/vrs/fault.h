/* fault.h - named points where tests make things go wrong.
 *
 * VRSAS_FAULTS="name=action[@n],..." where action is kill (SIGKILL to ourselves), stop
 * (SIGSTOP), fail (the call reports failure), and n the n-th time the point is passed
 * (default 1, 0 = every time). Built in only with -DVRS_FAULTS=ON (dev, tsan, coverage,
 * fuzz presets); otherwise every call is the constant 0. */
#ifndef VRS_FAULT_H
#define VRS_FAULT_H

#ifdef VRS_FAULTS
/* 1: the caller shall behave as if the step had failed. */
int vrs_fault(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#else
#define vrs_fault(...) 0
#endif

#endif
