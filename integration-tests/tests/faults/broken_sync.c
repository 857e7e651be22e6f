/* A disk that cannot make anything durable, or does not take what is written: for whatever has BROKEN_PART in its path, fsync and
   fdatasync fail while the file that BROKEN_SYNC names exists, and write, pwrite and writev while the one exists that BROKEN_WRITE
   names. While the file exists that BROKEN_HANG names, fsync and fdatasync do not return, and flock while the one exists that
   BROKEN_LOCK names. Of two writes the first takes half, as before a bad block. Everything else goes to the kernel as it came. To be loaded
   before the C library (LD_PRELOAD). */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int broken(int fd, const char *what)
{
    const char *flag = getenv(what), *part = getenv("BROKEN_PART");
    char link[64], path[4096];
    ssize_t length;

    if (flag == NULL || part == NULL || access(flag, F_OK) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = readlink(link, path, sizeof path - 1);
    if (length <= 0)
        return 0;
    path[length] = '\0';
    return strstr(path, part) != NULL;
}

/* Waits for as long as the disk hangs. */
static void hang(int fd, const char *what)
{
    while (broken(fd, what))
        usleep(10000);
}

int flock(int fd, int operation)
{
    hang(fd, "BROKEN_LOCK");
    return (int)syscall(SYS_flock, fd, operation);
}

int fsync(int fd)
{
    hang(fd, "BROKEN_HANG");
    if (broken(fd, "BROKEN_SYNC")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    hang(fd, "BROKEN_HANG");
    if (broken(fd, "BROKEN_SYNC")) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

/* How much of so many bytes is written: half, and at the next call nothing. */
static size_t taken(size_t count)
{
    static __thread int half;

    half = !half;
    return half ? count / 2 : 0;
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    if (broken(fd, "BROKEN_WRITE") && (count = taken(count)) == 0) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset)
{
    if (broken(fd, "BROKEN_WRITE") && (count = taken(count)) == 0) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, count, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    return pwrite64(fd, bytes, count, offset);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (broken(fd, "BROKEN_WRITE")) {
        errno = EIO;
        return -1;
    }
    return syscall(SYS_writev, fd, parts, count);
}
