/*
 * A shim between one process and its C library: counts the calls that change one folder, and lets them fail, pretend
 * to succeed, or kill the process. Loaded with LD_PRELOAD; told what to do by a small file that both sides have open,
 * so that a fault can begin and end while the process runs (shim.ts writes and reads it).
 *
 * FAULT_FOLDER: real path of the folder. FAULT_CONTROL: path of the file, struct control below.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum { WRITE, SYNC, OPEN, CREATE, RENAME, UNLINK, TRUNCATE, MKDIR, LINK, CHMOD, KINDS };
enum { KILL = -1, PRETEND = -2, TEAR = -3 };

struct control {
  int kinds;    /* bits of the kinds that are meant */
  int outcome;  /* an errno, KILL, PRETEND or TEAR; 0 only counts */
  int first;    /* the call it begins with, from 1 */
  int forever;  /* 0: this call alone */
  int seen;     /* calls of these kinds since it was armed */
  int struck;   /* how many of them met the fault */
  int all[KINDS];
};
static struct control none, *control = &none;
static char folder[PATH_MAX];

__attribute__((constructor)) static void begin(void) {
  const char *path = getenv("FAULT_CONTROL"), *in = getenv("FAULT_FOLDER");
  if (path == NULL || in == NULL) return;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void *at = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (at == MAP_FAILED) return;
  snprintf(folder, sizeof folder, "%s", in);
  control = at;
}

static int inside(const char *path) {
  size_t length = strlen(folder);
  return length > 0 && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == 0);
}
static int fd_inside(int fd) {
  char link[64], path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  if (length < 0) return 0;
  path[length] = 0;
  return inside(path);
}
/* The file itself may not exist: its folder says where it is. */
static int path_inside(const char *path) {
  char copy[PATH_MAX], real[PATH_MAX];
  if (folder[0] == 0 || path == NULL || snprintf(copy, sizeof copy, "%s", path) >= (int)sizeof copy) return 0;
  char *last = strrchr(copy, '/');
  if (last == copy) return inside(copy);
  if (last != NULL) *last = 0;
  return realpath(last == NULL ? "." : copy, real) != NULL && (inside(real) || inside(path));
}

static void die(void) {
  kill(getpid(), SIGKILL);
  for (;;) pause();
}

/* 0: go on; 1: return what stands in errno, or pretend where errno is 0; TEAR: write a part and die. */
static int struck(int kind) {
  __atomic_add_fetch(&control->all[kind], 1, __ATOMIC_SEQ_CST);
  if ((__atomic_load_n(&control->kinds, __ATOMIC_SEQ_CST) & (1 << kind)) == 0) return 0;
  int n = __atomic_add_fetch(&control->seen, 1, __ATOMIC_SEQ_CST);
  if (control->outcome == 0 || n < control->first || (n > control->first && !control->forever)) return 0;
  __atomic_add_fetch(&control->struck, 1, __ATOMIC_SEQ_CST);
  if (control->outcome == KILL) die();
  if (control->outcome == TEAR) return TEAR;
  errno = control->outcome == PRETEND ? 0 : control->outcome;
  return 1;
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)
#define FAIL(pretended) return errno == 0 ? (pretended) : -1

ssize_t write(int fd, const void *bytes, size_t length) {
  REAL(write);
  if (fd > 2 && fd_inside(fd) && struck(WRITE)) FAIL((ssize_t)length);
  return real(fd, bytes, length);
}
/* LevelDB writes its files through these two. */
size_t fwrite_unlocked(const void *bytes, size_t size, size_t count, FILE *file) {
  REAL(fwrite_unlocked);
  if (fd_inside(fileno(file)) && struck(WRITE)) return errno == 0 ? count : 0;
  return real(bytes, size, count, file);
}
int fflush_unlocked(FILE *file) {
  REAL(fflush_unlocked);
  if (file != NULL && fd_inside(fileno(file)) && struck(WRITE)) return errno == 0 ? 0 : EOF;
  return real(file);
}
/* Half of it, in whole blocks where there are some: a direct write takes no less. */
static size_t part_of(size_t length) {
  return length >= 8192 ? length / 2 / 4096 * 4096 : length / 2;
}
#define PWRITE(name, offset_type)                                                   \
  ssize_t name(int fd, const void *bytes, size_t length, offset_type at) {          \
    REAL(name);                                                                     \
    int how = fd_inside(fd) ? struck(WRITE) : 0;                                    \
    if (how == TEAR) {                                                              \
      real(fd, bytes, part_of(length), at);                                         \
      die();                                                                        \
    }                                                                               \
    if (how != 0) FAIL((ssize_t)length);                                            \
    return real(fd, bytes, length, at);                                             \
  }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
ssize_t writev(int fd, const struct iovec *parts, int count) {
  REAL(writev);
  if (fd_inside(fd) && struck(WRITE)) FAIL(0);
  return real(fd, parts, count);
}
#define PWRITEV(name, offset_type)                                                  \
  ssize_t name(int fd, const struct iovec *parts, int count, offset_type at) {      \
    REAL(name);                                                                     \
    int how = fd_inside(fd) ? struck(WRITE) : 0;                                    \
    if (how == TEAR) {                                                              \
      real(fd, parts, count / 2, at);                                               \
      die();                                                                        \
    }                                                                               \
    if (how != 0) FAIL(0);                                                          \
    return real(fd, parts, count, at);                                              \
  }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)

#define ON_FD(name, kind, declared, passed)                                         \
  int name declared {                                                               \
    REAL(name);                                                                     \
    if (fd_inside(fd) && struck(kind)) FAIL(0);                                     \
    return real passed;                                                             \
  }
ON_FD(fsync, SYNC, (int fd), (fd))
ON_FD(fdatasync, SYNC, (int fd), (fd))
ON_FD(ftruncate, TRUNCATE, (int fd, off_t length), (fd, length))
ON_FD(ftruncate64, TRUNCATE, (int fd, off64_t length), (fd, length))
ON_FD(fchmod, CHMOD, (int fd, mode_t mode), (fd, mode))

#define ON_PATH(name, kind, declared, passed)                                       \
  int name declared {                                                               \
    REAL(name);                                                                     \
    if (path_inside(path) && struck(kind)) FAIL(0);                                 \
    return real passed;                                                             \
  }
ON_PATH(rename, RENAME, (const char *from, const char *path), (from, path))
ON_PATH(unlink, UNLINK, (const char *path), (path))
ON_PATH(rmdir, UNLINK, (const char *path), (path))
ON_PATH(mkdir, MKDIR, (const char *path, mode_t mode), (path, mode))
ON_PATH(link, LINK, (const char *from, const char *path), (from, path))
ON_PATH(chmod, CHMOD, (const char *path, mode_t mode), (path, mode))

/* Both kinds are counted for an open that makes its file, which may meet a fault of either. */
static int open_struck(const char *path, int flags) {
  if (!path_inside(path)) return 0;
  if ((flags & O_CREAT) != 0 && struck(CREATE)) return 1;
  return struck(OPEN);
}
#define OPENS(name)                                                                 \
  int name(const char *path, int flags, ...) {                                      \
    REAL(name);                                                                     \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;  \
    va_end(rest);                                                                   \
    if (open_struck(path, flags)) FAIL(-1);                                         \
    return real(path, flags, mode);                                                 \
  }
OPENS(open)
OPENS(open64)
#define OPENS_AT(name)                                                              \
  int name(int folder_fd, const char *path, int flags, ...) {                       \
    REAL(name);                                                                     \
    va_list rest;                                                                   \
    va_start(rest, flags);                                                          \
    mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(rest, mode_t) : 0;  \
    va_end(rest);                                                                   \
    if (path[0] == '/' && open_struck(path, flags)) FAIL(-1);                       \
    return real(folder_fd, path, flags, mode);                                      \
  }
OPENS_AT(openat)
OPENS_AT(openat64)
FILE *fopen(const char *path, const char *mode) {
  REAL(fopen);
  if (open_struck(path, mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT)) return NULL;
  return real(path, mode);
}
FILE *fopen64(const char *path, const char *mode) {
  REAL(fopen64);
  if (open_struck(path, mode[0] == 'r' ? O_RDONLY : O_WRONLY | O_CREAT)) return NULL;
  return real(path, mode);
}
