#ifndef TRACEZIP_MACHINE_H
#define TRACEZIP_MACHINE_H

/* What Swift has no word for. */

/* Asks for the cache line at an address that need not be anyone's. */
static inline void tracezip_prefetch(const void *address) { __builtin_prefetch(address); }

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>

/* Cores that this process may run on; 0 where the system does not tell. */
static inline int tracezip_allowed_cores(void) {
  unsigned long mask[128];
  long bytes = syscall(SYS_sched_getaffinity, 0, sizeof mask, mask);
  int count = 0;
  for (long i = 0; i < bytes / (long)sizeof mask[0]; i++) count += __builtin_popcountl(mask[i]);
  return count;
}
#else
static inline int tracezip_allowed_cores(void) { return 0; }
#endif

#endif
