/*
 * Preloaded into a process, it lets open and close of some files wait, as the drivers of broken
 * sticks do.
 *
 *   BLOCK_PORTS    what the paths of those files begin with
 *   BLOCK_FOLDER   while a file open-NAME is in this folder, NAME being the last part of a path,
 *                  opening that path waits; while close-NAME is, closing it does
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOST_FILES = 1024, LONGEST_NAME = 64, LOOK_AGAIN = 20000 /* microseconds */ };

static char names[MOST_FILES][LONGEST_NAME]; /* of the ports that are open, by file descriptor */

static void wait_while(const char *what, const char *name)
{
    char marker[4096];

    snprintf(marker, sizeof marker, "%s/%s-%s", getenv("BLOCK_FOLDER"), what, name);
    while (access(marker, F_OK) == 0)
        usleep(LOOK_AGAIN);
}

static const char *port(const char *path)
{
    const char *ports = getenv("BLOCK_PORTS");

    if (ports == NULL || strncmp(path, ports, strlen(ports)) != 0)
        return NULL;
    return strrchr(path, '/') + 1;
}

static int opened(const char *function, const char *path, int flags, mode_t mode)
{
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, function);
    const char *name = port(path);
    int file;

    if (name == NULL)
        return real(path, flags, mode);
    wait_while("open", name);
    file = real(path, flags, mode);
    if (file >= 0 && file < MOST_FILES)
        snprintf(names[file], LONGEST_NAME, "%s", name);
    return file;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(arguments, mode_t) : 0;
}

int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened("open", path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return opened("open64", path, flags, mode);
}

int close(int file)
{
    int (*real)(int) = dlsym(RTLD_NEXT, "close");

    if (file >= 0 && file < MOST_FILES && names[file][0] != '\0') {
        wait_while("close", names[file]);
        names[file][0] = '\0';
    }
    return real(file);
}
