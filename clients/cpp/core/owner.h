// Who this process is, for people to read.

#ifndef HOLDFAST_CLIENTS_CPP_CORE_OWNER_H_
#define HOLDFAST_CLIENTS_CPP_CORE_OWNER_H_

#include <string>

namespace holdfast::core {

// `program@host:pid`, in at most 256 bytes of UTF-8.
std::string DefaultOwner();

}  // namespace holdfast::core

#endif  // HOLDFAST_CLIENTS_CPP_CORE_OWNER_H_
