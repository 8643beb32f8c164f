#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

// Where the heap's topmost chunk, which has never been handed out, begins; it ends where the heap does.
static inline void *tracezip_heap_top(size_t free_there) { return (char *)sbrk(0) - free_there; }

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
static inline int tracezip_populate(void *start, size_t size) { return madvise(start, size, MADV_POPULATE_WRITE); }
