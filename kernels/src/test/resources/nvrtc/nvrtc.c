// A stand-in for libnvrtc.so.13: the calls that Millrace makes. It takes the kernels' sources as one,
// compiled for an architecture that it knows, and gives a text that names it as the image. It refuses
// what NVRTC would: header files, which nobody may have, and options that it does not know.
//
// millrace_nvrtc_set(what, value) changes it: "fails" 1 finds an error in every source, "minor" is
// the release. millrace_nvrtc_count(what) tells how many sources were "compiled", and how many
// programs there are that nobody has destroyed, "alive".
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

enum { OK = 0, INVALID_INPUT = 3, INVALID_OPTION = 5, COMPILATION = 6 };

typedef struct {
  char *source, log[256], image[64];
} Program;

static const int architectures[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};
static long fails, minor, compiled, alive;

API long millrace_nvrtc_set(const char* what, long value) {
  long* field = !strcmp(what, "fails") ? &fails : &minor;
  long before = *field;
  *field = value;
  return before;
}

API long millrace_nvrtc_count(const char* what) {
  return !strcmp(what, "compiled") ? compiled : alive;
}

API const char* nvrtcGetErrorString(int error) {
  return error == COMPILATION      ? "NVRTC_ERROR_COMPILATION"
         : error == INVALID_OPTION ? "NVRTC_ERROR_INVALID_OPTION"
                                   : "NVRTC_ERROR_INVALID_INPUT";
}

API int nvrtcVersion(int* major, int* small) {
  *major = 13;
  *small = (int)minor;
  return OK;
}

API int nvrtcGetNumSupportedArchs(int* count) {
  *count = sizeof architectures / sizeof *architectures;
  return OK;
}

API int nvrtcGetSupportedArchs(int* all) {
  memcpy(all, architectures, sizeof architectures);
  return OK;
}

API int nvrtcCreateProgram(Program** program, const char* source, const char* name, int headers,
                           const char* const* texts, const char* const* names) {
  if (!source || !name || headers || texts || names) return INVALID_INPUT;
  *program = calloc(1, sizeof **program);
  (*program)->source = strdup(source);
  alive++;
  return OK;
}

API int nvrtcDestroyProgram(Program** program) {
  free((*program)->source);
  free(*program);
  *program = NULL;
  alive--;
  return OK;
}

static int known(int architecture) {
  for (size_t i = 0; i < sizeof architectures / sizeof *architectures; i++) {
    if (architectures[i] == architecture) return 1;
  }
  return 0;
}

API int nvrtcCompileProgram(Program* p, int count, const char* const* options) {
  int architecture = 0;
  if (count != 3 || sscanf(options[0], "--gpu-architecture=sm_%d", &architecture) != 1 ||
      !known(architecture) || strcmp(options[1], "--std=c++17") ||
      strcmp(options[2], "--split-compile=0")) {
    strcpy(p->log, "nvrtc: error: invalid option\n");
    return INVALID_OPTION;
  }
  if (strstr(p->source, "#include")) {
    strcpy(p->log, "kernels.cu(1): catastrophic error: cannot open source file\n");
    return COMPILATION;
  }
  if (fails || strncmp(p->source, "#line 1 \"prelude.cu\"\n", 21) ||
      !strstr(p->source, "#line 1 \"multiply.cu\"\n")) {
    strcpy(p->log, "multiply.cu(12): error: expected a \";\"\n  int x\n\n       ^\n\n"
                   "1 error detected in the compilation of \"kernels.cu\".\nand so on\n");
    return COMPILATION;
  }
  compiled++;
  sprintf(p->image, "image of sm_%d, %ld", architecture, compiled);
  return OK;
}

API int nvrtcGetProgramLogSize(Program* p, size_t* bytes) {
  *bytes = strlen(p->log) + 1;
  return OK;
}

API int nvrtcGetProgramLog(Program* p, char* log) {
  strcpy(log, p->log);
  return OK;
}

API int nvrtcGetCUBINSize(Program* p, size_t* bytes) {
  *bytes = strlen(p->image);
  return OK;
}

API int nvrtcGetCUBIN(Program* p, char* image) {
  memcpy(image, p->image, strlen(p->image));
  return OK;
}
