/*
 * A disk that fails, for tests on Linux: put before a program with LD_PRELOAD, it makes writes and syncs fail in files
 * whose path contains FAULT_PATH, as the file FAULT_PLAN says at that moment: "FIRST LAST ERRNO ANYTHING" has the calls
 * from the FIRST to the LAST fail, counted from when the plan was first seen; without the file all is well. Each failure
 * appends a letter to FAULT_PLAN.hits.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char seen[128];
static long calls;

static int concerns(int fd) {
  char link[64], path[PATH_MAX];
  const char *part = getenv("FAULT_PATH");
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (part == NULL || length < 0) return 0;
  path[length] = 0;
  return strstr(path, part) != NULL;
}

/* Raw system calls, so that nothing here comes back to here. */
static int planned(char *plan, size_t room) {
  const char *path = getenv("FAULT_PLAN");
  long file = path == NULL ? -1 : syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return 0;
  long length = syscall(SYS_read, file, plan, room - 1);
  syscall(SYS_close, file);
  plan[length < 0 ? 0 : length] = 0;
  return length > 0;
}

static void tell(void) {
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s.hits", getenv("FAULT_PLAN"));
  long file = syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  syscall(SYS_write, file, "x", 1);
  syscall(SYS_close, file);
}

static int fails(int fd) {
  char plan[sizeof seen];
  long first, last;
  int code, failing = 0;
  if (!concerns(fd) || !planned(plan, sizeof plan)) return 0;
  pthread_mutex_lock(&turn);
  if (strcmp(plan, seen) != 0) {
    strcpy(seen, plan);
    calls = 0;
  }
  calls += 1;
  if (sscanf(plan, "%ld %ld %d", &first, &last, &code) == 3 && calls >= first && calls <= last) failing = code;
  pthread_mutex_unlock(&turn);
  if (failing == 0) return 0;
  tell();
  errno = failing;
  return 1;
}

#define GUARD(result, name, parameters, arguments)                    \
  result name parameters {                                            \
    static result(*real) parameters;                                  \
    if (real == NULL) real = (result(*) parameters)dlsym(RTLD_NEXT, #name); \
    return fails(fd) ? -1 : real arguments;                           \
  }

GUARD(ssize_t, write, (int fd, const void *bytes, size_t count), (fd, bytes, count))
GUARD(ssize_t, pwrite, (int fd, const void *bytes, size_t count, off_t at), (fd, bytes, count, at))
GUARD(ssize_t, pwrite64, (int fd, const void *bytes, size_t count, off64_t at), (fd, bytes, count, at))
GUARD(ssize_t, writev, (int fd, const struct iovec *parts, int count), (fd, parts, count))
GUARD(ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at), (fd, parts, count, at))
GUARD(ssize_t, pwritev64, (int fd, const struct iovec *parts, int count, off64_t at), (fd, parts, count, at))
GUARD(int, fsync, (int fd), (fd))
GUARD(int, fdatasync, (int fd), (fd))
GUARD(int, ftruncate, (int fd, off_t length), (fd, length))
GUARD(int, ftruncate64, (int fd, off64_t length), (fd, length))
