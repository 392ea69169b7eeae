// Why there is no answer from a server, for whoever has to mend it. gRPC says much the same
// of a port where nothing listens and of one that speaks another protocol.

#ifndef HOLDFAST_CLIENTS_CLI_DIAGNOSIS_H_
#define HOLDFAST_CLIENTS_CLI_DIAGNOSIS_H_

#include <string>

#include "absl/status/status.h"

namespace holdfast::cli {

// What is found at `address`, by connecting to it and saying hello as gRPC does: `nothing
// listens there; is holdfastd running?`. Empty: nothing unusual, or nothing that is known.
// Blocks for up to half a second.
std::string Diagnose(const std::string& address);

// `status`, with the diagnosis in its message if it says that there is no answer.
absl::Status WithDiagnosis(const absl::Status& status, const std::string& address);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_DIAGNOSIS_H_
