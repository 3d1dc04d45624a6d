#include "vectors_256.h"

#include "variant.h"
