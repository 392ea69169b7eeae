// Prints, for every seeded fault, or those whose names contain the argument, how many
// seeds it takes to find it: the table of docs/reliability.md. Without a finding among
// the ordinary number of seeds it says so, and ends with 1.

#include <cstddef>
#include <iostream>
#include <string>

#include "tests/simulation/seeded_faults/hunt.h"
#include "tests/simulation/seeded_faults/seeded_fault.h"

int main(int argc, char** argv) {
  using namespace holdfast::seeded_faults;
  const std::string wanted = argc > 1 ? argv[1] : "";
  bool all = true;
  std::cout << "| seeded fault | seeds | first finding |\n| --- | --- | --- |\n";
  for (std::size_t fault = 0; fault < kNames.size(); ++fault) {
    if (kNames[fault].find(wanted) == std::string::npos) continue;
    const Catch caught = Hunt(fault, kOrdinarySeeds);
    all = all && caught.seed != 0;
    std::cout << "| " << kNames[fault] << " | "
              << (caught.seed != 0 ? std::to_string(caught.seed) : "not found") << " | "
              << caught.finding << " |" << std::endl;
  }
  return all ? 0 : 1;
}
