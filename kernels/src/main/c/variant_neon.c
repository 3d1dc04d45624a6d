#include "vectors_neon.h"

#include "variant.h"
