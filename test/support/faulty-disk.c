/*
 * A disk that fails on demand, for one process: LD_PRELOAD this, DAYBOOK_FAULTY_DIR names the folder whose files are
 * meant. While the file DAYBOOK_FAULTS stands, each of its lines is a fault: `CALL ERRNO FROM COUNT`, such as
 * `fdatasync 5 1 -1`: from the FROM-th such call of the process on, COUNT calls fail with ERRNO; -1 is for ever. Calls
 * are counted from the start of the process, on files of the folder alone. `sync` stands for fsync and fdatasync, `write`
 * for all that write, `open` for opens that may create, `rename`, `unlink`, `truncate`. ERRNO 0 does nothing and says
 * that it was done, which for `sync` is a disk that lies; a negative ERRNO is a signal that ends the process before it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SYNC, WRITE, OPEN, RENAME, UNLINK, TRUNCATE, CALLS };
static const char *names[CALLS] = {"sync", "write", "open", "rename", "unlink", "truncate"};
static long counts[CALLS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int is_meant(const char *path) {
  const char *folder = getenv("DAYBOOK_FAULTY_DIR");
  return folder != NULL && path != NULL && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_meant_fd(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return is_meant(path);
}

/* The file DAYBOOK_FAULTS.met stands once a fault was met. */
static void note_met(const char *file) {
  char met[PATH_MAX];
  snprintf(met, sizeof met, "%s.met", file);
  int fd = (int)syscall(SYS_openat, AT_FDCWD, met, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  if (fd >= 0) syscall(SYS_close, fd);
}

/* 1 where the call fails now, with errno set; 2 where it is only said to have been done. */
static int fails(int call) {
  const char *file = getenv("DAYBOOK_FAULTS");
  char text[512];
  long number, from, count, code;
  int answer = 0;
  pthread_mutex_lock(&lock);
  number = ++counts[call];
  int fd = file == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, file, O_RDONLY | O_CLOEXEC, 0);
  if (fd >= 0) {
    ssize_t length = syscall(SYS_read, fd, text, sizeof text - 1);
    syscall(SYS_close, fd);
    text[length > 0 ? length : 0] = 0;
    char *rest = NULL, name[16];
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
      if (sscanf(line, "%15s %ld %ld %ld", name, &code, &from, &count) != 4 || strcmp(name, names[call]) != 0) continue;
      if (number < from || (count >= 0 && number >= from + count)) continue;
      note_met(file);
      if (code < 0) kill(getpid(), (int)-code);
      answer = code == 0 ? 2 : 1;
      errno = (int)code;
    }
  }
  pthread_mutex_unlock(&lock);
  return answer;
}

#define NEXT(name) static __typeof__(&name) next = NULL; if (next == NULL) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define ON_FD(call, fd) if (is_meant_fd(fd)) switch (fails(call)) { case 1: return -1; case 2: return 0; }
#define ON_PATH(call, path) if (is_meant(path) && fails(call) == 1) return -1

int fdatasync(int fd) { NEXT(fdatasync); ON_FD(SYNC, fd); return next(fd); }
int fsync(int fd) { NEXT(fsync); ON_FD(SYNC, fd); return next(fd); }

ssize_t write(int fd, const void *from, size_t length) {
  NEXT(write);
  if (is_meant_fd(fd) && fails(WRITE) == 1) return -1;
  return next(fd, from, length);
}
ssize_t pwrite(int fd, const void *from, size_t length, off_t at) {
  NEXT(pwrite);
  if (is_meant_fd(fd) && fails(WRITE) == 1) return -1;
  return next(fd, from, length, at);
}
ssize_t pwrite64(int fd, const void *from, size_t length, off64_t at) { return pwrite(fd, from, length, at); }
ssize_t writev(int fd, const struct iovec *pieces, int count) {
  NEXT(writev);
  if (is_meant_fd(fd) && fails(WRITE) == 1) return -1;
  return next(fd, pieces, count);
}
ssize_t pwritev(int fd, const struct iovec *pieces, int count, off_t at) {
  NEXT(pwritev);
  if (is_meant_fd(fd) && fails(WRITE) == 1) return -1;
  return next(fd, pieces, count, at);
}
ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) { return pwritev(fd, pieces, count, at); }

static int opened(const char *name, const char *path, int flags, mode_t mode) {
  if ((flags & (O_WRONLY | O_RDWR)) != 0) { ON_PATH(OPEN, path); }
  int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
  return next(path, flags, mode);
}
#define MODE mode_t mode = 0; if (flags & O_CREAT) { va_list rest; va_start(rest, flags); mode = va_arg(rest, mode_t); va_end(rest); }
int open(const char *path, int flags, ...) { MODE return opened("open", path, flags, mode); }
int open64(const char *path, int flags, ...) { MODE return opened("open64", path, flags, mode); }

int rename(const char *from, const char *to) {
  NEXT(rename);
  ON_PATH(RENAME, to);
  return next(from, to);
}
int unlink(const char *path) { NEXT(unlink); ON_PATH(UNLINK, path); return next(path); }
int ftruncate(int fd, off_t length) {
  NEXT(ftruncate);
  if (is_meant_fd(fd) && fails(TRUNCATE) == 1) return -1;
  return next(fd, length);
}
int ftruncate64(int fd, off64_t length) { return ftruncate(fd, length); }
