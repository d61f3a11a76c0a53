#include "CUnicorn.h"
