/*
 * Preloaded into a process, it writes down what that process does to the files of one directory,
 * in order, and makes syncs as slow as those of a poor disk. Read back by replay.py.
 *
 *   DISK_DIRECTORY  the directory, absolute and without symlinks; unset: every file is meant
 *   DISK_LOG        the file to append records to, outside that directory; unset: nothing is
 *                   recorded. Needs DISK_DIRECTORY
 *   DISK_SYNC_MS    milliseconds that each fsync and fdatasync takes on top
 *
 * It stands between the program and libc, because SQLite calls libc; what a program does by system
 * calls of its own, by mmap, io_uring or a libc function not named here is not seen. A test
 * compares the replayed files with the real ones, so that nothing escapes unnoticed.
 * sync_file_range is left alone: by its own manual it promises nothing after a power cut.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind {
    CREATED = 'C', /* a file, by open */
    WRITTEN = 'W', /* data at a position */
    RESIZED = 'T', /* to position bytes, by ftruncate or O_TRUNC */
    RENAMED = 'R', /* from path to the name in data */
    UNLINKED = 'U',
    SYNC_BEGINS = 'B', /* of a file or of the directory itself */
    SYNC_ENDED = 'E',  /* well; one that failed has no end */
    NOTE = 'N',        /* something the program itself wants to have said at this point */
};

/* Each record: this head, then the path, then the data. */
struct head {
    uint64_t kind, thread, inode, position, path_length, data_length;
};

struct file {
    char path[PATH_MAX];
    uint64_t inode;
};

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER; /* held over an act and its record */
static const char *directory;
static int log_file = -1;
static struct timespec sync_time;

/* The function of that name that we stand before. */
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

__attribute__((constructor)) static void prepare(void)
{
    const char *log = getenv("DISK_LOG");
    const char *milliseconds = getenv("DISK_SYNC_MS");
    long wait = milliseconds ? atol(milliseconds) : 0;
    sync_time = (struct timespec){.tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000};
    directory = getenv("DISK_DIRECTORY");
    if (directory && log)
        log_file = syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Find out which file a descriptor is; whether it is the directory or in it. */
static int inside(int fd, struct file *file)
{
    char link[32];
    struct stat64 facts;
    if (!directory)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, file->path, sizeof file->path - 1);
    if (length < 0 || fstat64(fd, &facts) < 0)
        return 0;
    file->path[length] = '\0';
    file->inode = facts.st_ino;
    size_t prefix = strlen(directory);
    char next = (size_t)length >= prefix ? file->path[prefix] : 'x';
    return strncmp(file->path, directory, prefix) == 0 && (next == '\0' || next == '/');
}

static int recorded(int fd, struct file *file)
{
    return log_file >= 0 && inside(fd, file);
}

/* The same for a name; false also if there is no such file. */
static int recorded_at(int at, const char *path, struct file *file)
{
    if (log_file < 0)
        return 0;
    int fd = syscall(SYS_openat, at, path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return 0;
    int found = inside(fd, file);
    syscall(SYS_close, fd);
    return found;
}

/* Append a record by one system call. A log with a gap must not be believed, so there is none. */
static void record(enum kind kind, const struct file *file, uint64_t position, const void *data,
                   size_t length)
{
    struct head head = {kind, gettid(), file->inode, position, strlen(file->path), length};
    struct iovec pieces[] = {
        {&head, sizeof head},
        {(void *)file->path, head.path_length},
        {(void *)data, length},
    };
    ssize_t size = sizeof head + head.path_length + length;
    if (syscall(SYS_writev, log_file, pieces, 3) != size)
        abort();
}

/* What the program has to say, in the order of what it does to the disk. */
void disk_note(const void *data, size_t length)
{
    static const struct file none;
    if (log_file < 0)
        return;
    pthread_mutex_lock(&order);
    record(NOTE, &none, 0, data, length);
    pthread_mutex_unlock(&order);
}

static int open_file(int at, const char *path, int flags, mode_t mode)
{
    struct file file;
    if (log_file < 0 || !(flags & (O_CREAT | O_TRUNC)))
        return REAL(openat)(at, path, flags, mode);
    pthread_mutex_lock(&order);
    int was_there = recorded_at(at, path, &file);
    int fd = REAL(openat)(at, path, flags, mode);
    if (fd >= 0 && inside(fd, &file)) {
        if (!was_there)
            record(CREATED, &file, 0, NULL, 0);
        else if (flags & O_TRUNC)
            record(RESIZED, &file, 0, NULL, 0);
    }
    pthread_mutex_unlock(&order);
    return fd;
}

#define MODE(mode, flags)                                                                          \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) {                                        \
        va_list rest;                                                                              \
        va_start(rest, flags);                                                                     \
        mode = va_arg(rest, mode_t);                                                               \
        va_end(rest);                                                                              \
    }

int open(const char *path, int flags, ...)
{
    MODE(mode, flags)
    return open_file(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    MODE(mode, flags)
    return open_file(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

int openat(int at, const char *path, int flags, ...)
{
    MODE(mode, flags)
    return open_file(at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...)
{
    MODE(mode, flags)
    return open_file(at, path, flags | O_LARGEFILE, mode);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t position)
{
    struct file file;
    if (!recorded(fd, &file))
        return REAL(pwrite64)(fd, data, length, position);
    pthread_mutex_lock(&order);
    ssize_t done = REAL(pwrite64)(fd, data, length, position);
    if (done > 0)
        record(WRITTEN, &file, position, data, done);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t position)
{
    return pwrite64(fd, data, length, position);
}

ssize_t write(int fd, const void *data, size_t length)
{
    struct file file;
    if (!recorded(fd, &file))
        return REAL(write)(fd, data, length);
    pthread_mutex_lock(&order);
    ssize_t done = REAL(write)(fd, data, length);
    if (done > 0)
        record(WRITTEN, &file, lseek64(fd, 0, SEEK_CUR) - done, data, done);
    pthread_mutex_unlock(&order);
    return done;
}

ssize_t writev(int fd, const struct iovec *pieces, int count)
{
    struct file file;
    if (!recorded(fd, &file))
        return REAL(writev)(fd, pieces, count);
    ssize_t total = 0;
    for (int i = 0; i < count; i++) {
        ssize_t done = write(fd, pieces[i].iov_base, pieces[i].iov_len);
        if (done < 0)
            return total ? total : done;
        total += done;
        if ((size_t)done < pieces[i].iov_len)
            break;
    }
    return total;
}

int ftruncate64(int fd, off64_t length)
{
    struct file file;
    if (!recorded(fd, &file))
        return REAL(ftruncate64)(fd, length);
    pthread_mutex_lock(&order);
    int failed = REAL(ftruncate64)(fd, length);
    if (!failed)
        record(RESIZED, &file, length, NULL, 0);
    pthread_mutex_unlock(&order);
    return failed;
}

int ftruncate(int fd, off_t length)
{
    return ftruncate64(fd, length);
}

int unlink(const char *path)
{
    struct file file;
    pthread_mutex_lock(&order);
    int seen = recorded_at(AT_FDCWD, path, &file);
    int failed = REAL(unlink)(path);
    if (!failed && seen)
        record(UNLINKED, &file, 0, NULL, 0);
    pthread_mutex_unlock(&order);
    return failed;
}

int rename(const char *from, const char *to)
{
    struct file before, after;
    pthread_mutex_lock(&order);
    int left = recorded_at(AT_FDCWD, from, &before);
    int failed = REAL(rename)(from, to);
    int came = !failed && recorded_at(AT_FDCWD, to, &after);
    if (left && came)
        record(RENAMED, &before, 0, after.path, strlen(after.path));
    else if (!failed && (left || came))
        abort(); /* into or out of the directory: there is no record for it */
    pthread_mutex_unlock(&order);
    return failed;
}

/* What is written while it syncs is not promised, so its begin and its end are two records. */
static int sync_file(int (*real)(int), int fd)
{
    struct file file;
    int seen = inside(fd, &file);
    int logged = seen && log_file >= 0;
    if (logged) {
        pthread_mutex_lock(&order);
        record(SYNC_BEGINS, &file, 0, NULL, 0);
        pthread_mutex_unlock(&order);
    }
    int failed = real(fd);
    if (failed)
        return failed;
    if (seen || !directory) {
        struct timespec left = sync_time;
        while (nanosleep(&left, &left) < 0 && errno == EINTR)
            ;
    }
    if (logged) {
        pthread_mutex_lock(&order);
        record(SYNC_ENDED, &file, 0, NULL, 0);
        pthread_mutex_unlock(&order);
    }
    return 0;
}

int fsync(int fd)
{
    return sync_file(REAL(fsync), fd);
}

int fdatasync(int fd)
{
    return sync_file(REAL(fdatasync), fd);
}
