// Which of the seeded faults is on. At most one, in the whole process.

#ifndef HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_SEEDED_FAULT_H_
#define HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_SEEDED_FAULT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::seeded_faults {

inline constexpr std::size_t kNone = static_cast<std::size_t>(-1);

// Set it only while nothing runs.
inline std::size_t g_on = kNone;

inline bool IsOn(std::size_t number) { return g_on == number; }

// By number.
extern const std::vector<std::string> kNames;

}  // namespace holdfast::seeded_faults

#endif  // HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_SEEDED_FAULT_H_
