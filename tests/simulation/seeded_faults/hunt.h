// Looks for a seeded fault with the simulation.

#ifndef HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_HUNT_H_
#define HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_HUNT_H_

#include <cstddef>
#include <cstdint>
#include <string>

namespace holdfast::seeded_faults {

// As many seeds as simulation_test runs.
inline constexpr std::uint64_t kOrdinarySeeds = 20'000;

struct Catch {
  std::uint64_t seed = 0;  // The first that finds something; 0: none does.
  std::string finding;     // What it finds first.
};

// Switches the fault on, and runs seeds from 1 on until one finds something.
Catch Hunt(std::size_t fault, std::uint64_t seeds);

}  // namespace holdfast::seeded_faults

#endif  // HOLDFAST_TESTS_SIMULATION_SEEDED_FAULTS_HUNT_H_
