// Results, on standard output.

#ifndef HOLDFAST_CLIENTS_CLI_OUTPUT_H_
#define HOLDFAST_CLIENTS_CLI_OUTPUT_H_

#include <string_view>

namespace holdfast::cli {

// Writes `text`, of whole lines, so that a reader has them now. False, and a complaint:
// it could not be written.
bool Print(std::string_view text);

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_OUTPUT_H_
