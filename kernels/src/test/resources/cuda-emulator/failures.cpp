// See failures.h.
//
// millrace_emulator_fail(call, calls, error) has the calls-th call of a kind fail, 1 for the next:
//   "allocate", "pin", "copy" (and clear), "launch" of a kernel, "graph" (its launch),
//   "instantiate", "synchronize"; "exchange", whose last device is lost when it comes to it;
//   "network", which is an exchange that has an error of NCCL's
// millrace_emulator_next(call) is for stand-ins of libraries: the error that a call is to have now
#include "failures.h"

#include <map>
#include <mutex>
#include <string>

#define EXPORTED extern "C" __attribute__((visibility("default")))

struct Planned {
  long calls; // until it fails; 1 for the next
  int error;
};

static std::mutex turn;
static std::map<std::string, Planned> planned;

struct Error {
  int number;
  bool stays;
  const char* name;
  const char* text;
};

static constexpr Error ERRORS[] = {
    {2, false, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {214, true, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {700, true, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {701, false, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {719, true, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
};

static const Error* known(int number) {
  for (const Error& each : ERRORS) {
    if (each.number == number) return &each;
  }
  return nullptr;
}

int failures::next(const char* call) {
  std::lock_guard<std::mutex> exclusive(turn);
  auto found = planned.find(call);
  if (found == planned.end() || --found->second.calls > 0) return 0;
  int error = found->second.error;
  planned.erase(found);
  return error;
}

bool failures::stays(int error) {
  const Error* found = known(error);
  return found && found->stays;
}

long failures::forget() {
  std::lock_guard<std::mutex> exclusive(turn);
  long left = (long)planned.size();
  planned.clear();
  return left;
}

EXPORTED long millrace_emulator_fail(const char* call, long calls, long error) {
  std::lock_guard<std::mutex> exclusive(turn);
  planned[call] = {calls, (int)error};
  return error;
}

EXPORTED int millrace_emulator_next(const char* call) { return failures::next(call); }

EXPORTED int cuGetErrorString(int error, const char** text) {
  const Error* found = known(error);
  *text = found ? found->text : "an error of the emulator";
  return 0;
}

EXPORTED int cuGetErrorName(int error, const char** name) {
  const Error* found = known(error);
  *name = found ? found->name : nullptr;
  return found ? 0 : 1;
}
