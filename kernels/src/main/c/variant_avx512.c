#include "vectors_avx512.h"

#include "variant.h"
