// A stand-in for libnvidia-ml.so.1: the calls that Millrace makes, of devices that say what tests
// want them to.
//
// millrace_nvml_set(what, device, value) changes it: "millijoules", "milliwatts", "percent" and
// "bytes" of a device; "drawn", the millijoules that are added each time somebody asks; and "refuses", the number of the error that all of a device's functions but
// that for power give, or "silent", that which power gives too; "start", whatever the device, is the
// error that the library starts with.
#include <stdio.h>
#include <string.h>

#define API __attribute__((visibility("default")))
#define DEVICES 8

enum { OK = 0, INVALID_ARGUMENT = 2, NOT_FOUND = 6 };

typedef struct {
  unsigned long long millijoules, drawn, milliwatts, percent, bytes, refuses, silent;
} Device;

static Device devices[DEVICES];
static unsigned long long start_error;

API unsigned long long millrace_nvml_set(const char* what, int device, unsigned long long value) {
  Device* d = &devices[device];
  unsigned long long* field = !strcmp(what, "millijoules") ? &d->millijoules
                            : !strcmp(what, "drawn")       ? &d->drawn
                            : !strcmp(what, "milliwatts")  ? &d->milliwatts
                            : !strcmp(what, "percent")     ? &d->percent
                            : !strcmp(what, "bytes")       ? &d->bytes
                            : !strcmp(what, "refuses")     ? &d->refuses
                            : !strcmp(what, "silent")      ? &d->silent
                                                           : &start_error;
  unsigned long long before = *field;
  *field = value;
  return before;
}

API int nvmlInit_v2(void) { return (int)start_error; }

API const char* nvmlErrorString(int error) {
  return error == 3 ? "Not Supported" : error == 15 ? "GPU is lost" : "an error";
}

API int nvmlDeviceGetHandleByPciBusId_v2(const char* id, void** device) {
  unsigned bus;
  if (sscanf(id, "0000:%x:00.0", &bus) != 1 || bus < 1 || bus > DEVICES) return NOT_FOUND;
  *device = &devices[bus - 1];
  return OK;
}

API int nvmlDeviceGetTotalEnergyConsumption(Device* d, unsigned long long* millijoules) {
  *millijoules = d->millijoules += d->drawn;
  return (int)d->refuses;
}

API int nvmlDeviceGetPowerUsage(Device* d, unsigned* milliwatts) {
  *milliwatts = (unsigned)d->milliwatts;
  return (int)d->silent;
}

API int nvmlDeviceGetUtilizationRates(Device* d, unsigned rates[2]) {
  rates[0] = (unsigned)d->percent;
  rates[1] = 0;
  return (int)d->refuses;
}

API int nvmlDeviceGetMemoryInfo(Device* d, unsigned long long memory[3]) {
  memory[0] = 8ull << 30;
  memory[1] = memory[0] - d->bytes;
  memory[2] = d->bytes;
  return (int)d->refuses;
}
