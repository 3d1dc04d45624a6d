// Failures of devices that a test asks for: some calls of a kind go well, and then one fails. Errors
// after which a real device is of no use to its process stay, whatever it is asked for.
#pragma once

namespace failures {

// The error that a call of a kind is to return now; 0 for none.
int next(const char* call);

// Whether a device that had this error has it for ever.
bool stays(int error);

// Plans nothing any more. Returns how many failures never came up.
long forget();

}  // namespace failures
