#ifndef TRACEZIP_MACHINE_H
#define TRACEZIP_MACHINE_H

/* What Swift has no word for. */

#include <stddef.h>
#include <stdint.h>

/* Asks for the cache line at an address that need not be anyone's. */
static inline void tracezip_prefetch(const void *address) { __builtin_prefetch(address); }

/* a / b, where b must not be 0: a plain instruction, without the checks and the way for small numbers that compilers put
   around it. */
static inline uint64_t tracezip_quotient(uint64_t a, uint64_t b) {
#if defined(__x86_64__)
  uint64_t rest = 0;
  __asm__("divq %2" : "+a"(a), "+d"(rest) : "r"(b) : "cc");
  return a;
#else
  return a / b;
#endif
}

/* The last of sixteen ascending numbers that is at most `target`, all of them below 2^15; the first is 0. Any of the sixteen
   for a target that is not below 2^15. */
#if defined(__SSE2__)
#include <emmintrin.h>
static inline unsigned tracezip_last_at_most(const uint16_t *numbers, uint16_t target) {
  const __m128i *at = (const __m128i *)(const void *)numbers;
  __m128i all = _mm_set1_epi16((short)target);
  __m128i lower = _mm_cmpgt_epi16(_mm_loadu_si128(at), all);
  __m128i upper = _mm_cmpgt_epi16(_mm_loadu_si128(at + 1), all);
  return ((unsigned)__builtin_ctz((unsigned)_mm_movemask_epi8(_mm_packs_epi16(lower, upper)) | 1u << 16) - 1) & 15;
}
#else
static inline unsigned tracezip_last_at_most(const uint16_t *numbers, uint16_t target) {
  unsigned count = 0;
  for (int i = 1; i < 16; i++) count += numbers[i] <= target;
  return count;
}
#endif

/* Whether the processor has an instruction for CRC-32C; without it the functions below must not be called. */
#if defined(__x86_64__)
#include <cpuid.h>
#define TRACEZIP_CRC32C __attribute__((target("sse4.2")))
static inline int tracezip_has_crc32c(void) {
  unsigned a, b, c, d;
  return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_SSE4_2);
}
TRACEZIP_CRC32C static inline uint64_t tracezip_crc32c_word(uint64_t crc, const unsigned char *bytes) {
  uint64_t word;
  __builtin_memcpy(&word, bytes, 8);
  return __builtin_ia32_crc32di(crc, word);
}
TRACEZIP_CRC32C static inline uint32_t tracezip_crc32c_byte(uint32_t crc, unsigned char byte) {
  return __builtin_ia32_crc32qi(crc, byte);
}
#elif defined(__aarch64__) && (defined(__ARM_FEATURE_CRC32) || defined(__linux__))
#ifdef __ARM_FEATURE_CRC32
#define TRACEZIP_CRC32C
static inline int tracezip_has_crc32c(void) { return 1; }
#else
#include <sys/auxv.h>
#define TRACEZIP_CRC32C __attribute__((target("crc")))
static inline int tracezip_has_crc32c(void) { return (getauxval(AT_HWCAP) & 1 << 7) != 0; } /* HWCAP_CRC32 */
#endif
TRACEZIP_CRC32C static inline uint64_t tracezip_crc32c_word(uint64_t crc, const unsigned char *bytes) {
  uint64_t word;
  __builtin_memcpy(&word, bytes, 8);
  return __builtin_arm_crc32cd((uint32_t)crc, word);
}
TRACEZIP_CRC32C static inline uint32_t tracezip_crc32c_byte(uint32_t crc, unsigned char byte) {
  return __builtin_arm_crc32cb(crc, byte);
}
#else
#define TRACEZIP_CRC32C
static inline int tracezip_has_crc32c(void) { return 0; }
static inline uint64_t tracezip_crc32c_word(uint64_t crc, const unsigned char *bytes) { return crc; }
static inline uint32_t tracezip_crc32c_byte(uint32_t crc, unsigned char byte) { return crc; }
#endif

/* Takes `count` bytes into a register. */
TRACEZIP_CRC32C static inline uint32_t tracezip_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *at = (const unsigned char *)bytes;
  uint64_t state = crc;
  for (; count >= 8; at += 8, count -= 8) state = tracezip_crc32c_word(state, at);
  crc = (uint32_t)state;
  for (; count > 0; at++, count--) crc = tracezip_crc32c_byte(crc, *at);
  return crc;
}

/* Takes three runs of `count` bytes, a multiple of 8, that follow each other into a register each: the instruction takes
   three cycles, but can begin in every one. */
TRACEZIP_CRC32C static inline void tracezip_crc32c_three(uint32_t *crcs, const void *bytes, size_t count) {
  const unsigned char *at = (const unsigned char *)bytes;
  uint64_t a = crcs[0], b = crcs[1], c = crcs[2];
  for (size_t i = 0; i < count; i += 8) {
    a = tracezip_crc32c_word(a, at + i);
    b = tracezip_crc32c_word(b, at + count + i);
    c = tracezip_crc32c_word(c, at + 2 * count + i);
  }
  crcs[0] = (uint32_t)a;
  crcs[1] = (uint32_t)b;
  crcs[2] = (uint32_t)c;
}

#ifdef __linux__
#include <fcntl.h>
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

/* Has the system begin to write to the disk what the file has from `start` on, `count` bytes or with 0 all of it. Nothing
   waits for that, and nothing is lost where it cannot be done. */
#if defined(__linux__) && defined(__LP64__) && defined(SYS_sync_file_range)
static inline void tracezip_start_writeback(int descriptor, int64_t start, int64_t count) {
  syscall(SYS_sync_file_range, descriptor, start, count, 2); /* SYNC_FILE_RANGE_WRITE */
}
#else
static inline void tracezip_start_writeback(int descriptor, int64_t start, int64_t count) {
  (void)descriptor, (void)start, (void)count;
}
#endif

/* Lets a pipe hold `bytes` where it holds fewer; nothing happens to what is no pipe, or where the system does not allow it.
   By number, since the names want _GNU_SOURCE: F_SETPIPE_SZ, F_GETPIPE_SZ. */
#if defined(__linux__)
static inline void tracezip_widen_pipe(int descriptor, int bytes) {
  int holds = fcntl(descriptor, 1032);
  if (holds >= 0 && holds < bytes) fcntl(descriptor, 1031, bytes);
}
#else
static inline void tracezip_widen_pipe(int descriptor, int bytes) { (void)descriptor, (void)bytes; }
#endif

#endif
