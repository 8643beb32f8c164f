#ifndef TRACEZIP_PREFETCH_H
#define TRACEZIP_PREFETCH_H

/* Swift has no word for it: asks for the cache line at an address that need not be anyone's. */
static inline void tracezip_prefetch(const void *address) { __builtin_prefetch(address); }

#endif
