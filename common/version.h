// The version of everything that is built from this repository.

#ifndef HOLDFAST_COMMON_VERSION_H_
#define HOLDFAST_COMMON_VERSION_H_

namespace holdfast {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace holdfast

#endif  // HOLDFAST_COMMON_VERSION_H_
