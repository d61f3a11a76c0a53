// What the Glibc module lacks.
#include <sys/epoll.h>
