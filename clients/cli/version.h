// What `holdfast --version` says. A test sees to it that the server says the same.

#ifndef HOLDFAST_CLIENTS_CLI_VERSION_H_
#define HOLDFAST_CLIENTS_CLI_VERSION_H_

namespace holdfast::cli {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace holdfast::cli

#endif  // HOLDFAST_CLIENTS_CLI_VERSION_H_
