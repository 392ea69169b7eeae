// Output for programs.

#ifndef HOLDFAST_CLIENTS_CLI_JSON_H_
#define HOLDFAST_CLIENTS_CLI_JSON_H_

#include <string>

#include "google/protobuf/message.h"

namespace holdfast::cli {

// One line: a message of the API as protobuf's own rules have it, with the names of
// the .proto files. So there is nothing to keep in step, and whatever reads protobuf
// reads this. Fields that are not set are there with their defaults, except for those
// whose absence means something, such as `expire`.
std::string ToJsonLine(const google::protobuf::Message& message);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_JSON_H_
