/* A disk that cannot make anything durable: while the file that BROKEN_SYNC names exists, fsync and fdatasync fail for whatever
   has BROKEN_SYNC_PART in its path. Everything else goes to the kernel as it came. To be loaded before the C library (LD_PRELOAD). */

#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int broken(int fd)
{
    const char *flag = getenv("BROKEN_SYNC"), *part = getenv("BROKEN_SYNC_PART");
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

int fsync(int fd)
{
    if (broken(fd)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    if (broken(fd)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}
