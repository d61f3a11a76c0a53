#ifndef CUNICORN_H
#define CUNICORN_H
#include <unicorn/unicorn.h>
#endif
