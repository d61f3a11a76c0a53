#include "CSTM32MP157.h"
