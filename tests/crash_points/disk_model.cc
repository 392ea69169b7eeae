#include "tests/crash_points/disk_model.h"

#include <algorithm>
#include <utility>

namespace holdfast {
namespace {

// The smallest piece that a disk writes or does not write.
constexpr std::size_t kSectorSize = 512;

// From 0 to `most`.
std::size_t Draw(std::size_t most, std::mt19937_64& random) {
  return std::uniform_int_distribution<std::size_t>(0, most)(random);
}

}  // namespace

DiskModel::DiskModel() { nodes_.emplace_back(Directory()); }

void DiskModel::Apply(const DiskOperation& operation) {
  std::visit([this](const auto& op) { Do(op); }, operation);
}

DiskImage DiskModel::Kept() const {
  return ImageBy({.file = [](const File& file) { return file.current; },
                  .directory = [](const Directory& directory) { return directory.current; }});
}

DiskImage DiskModel::KeptWithin(const WriteOperation& write, std::size_t size) {
  auto& file = std::get<File>(nodes_[open_files_.at(write.file.number)]);
  const std::string before = file.current;
  ApplyTo(file.current, Write{write.offset, write.data.substr(0, size)});
  DiskImage image = Kept();
  file.current = before;
  return image;
}

DiskImage DiskModel::Dropped() const {
  return ImageBy({.file = [](const File& file) { return file.durable; },
                  .directory = [](const Directory& directory) { return directory.durable; }});
}

DiskImage DiskModel::Torn(std::mt19937_64& random) const {
  return ImageBy(
      {.file = [&](const File& file) { return SomeContent(file, random); },
       .directory = [&](const Directory& directory) { return SomeEntries(directory, random); }});
}

DiskImage DiskModel::WithHoles(std::mt19937_64& random) const {
  return ImageBy(
      {.file = [&](const File& file) { return ContentWithHoles(file, random); },
       .directory = [&](const Directory& directory) { return SomeEntries(directory, random); }});
}

void DiskModel::ApplyTo(std::string& content, const FileChange& change) {
  if (const auto* resize = std::get_if<Resize>(&change)) {
    content.resize(resize->size, '\0');
    return;
  }
  const auto& write = std::get<Write>(change);
  content.resize(std::max<std::size_t>(content.size(), write.offset + write.data.size()), '\0');
  content.replace(write.offset, write.data.size(), write.data);
}

void DiskModel::ApplyTo(Entries& entries, const std::vector<EntryChange>& change) {
  for (const EntryChange& entry : change) {
    if (entry.node.has_value()) {
      entries[entry.name] = *entry.node;
    } else {
      entries.erase(entry.name);
    }
  }
}

DiskModel::Entries DiskModel::SomeEntries(const Directory& directory, std::mt19937_64& random) {
  Entries entries = directory.durable;
  const std::size_t count = Draw(directory.pending.size(), random);
  for (std::size_t i = 0; i < count; ++i) ApplyTo(entries, directory.pending[i]);
  return entries;
}

std::string DiskModel::SomeContent(const File& file, std::mt19937_64& random) {
  std::string content = file.durable;
  const std::size_t count = Draw(file.pending.size(), random);
  for (std::size_t i = 0; i < count; ++i) {
    const auto* write = std::get_if<Write>(&file.pending[i]);
    if (write != nullptr && i + 1 == count) {
      ApplyTo(content,
              Write{write->offset, write->data.substr(0, Draw(write->data.size(), random))});
    } else {
      ApplyTo(content, file.pending[i]);
    }
  }
  return content;
}

std::string DiskModel::ContentWithHoles(const File& file, std::mt19937_64& random) {
  std::string content = file.current;
  for (std::size_t begin = 0; begin < content.size(); begin += kSectorSize) {
    const std::size_t end = std::min(begin + kSectorSize, content.size());
    const std::string_view now(content.data() + begin, end - begin);
    const bool changed = file.durable.size() < end || file.durable.compare(begin, now.size(), now);
    if (!changed || Draw(1, random) == 0) continue;
    // The sector as it was, with zeros for what the file did not have yet.
    std::string before = begin < file.durable.size() ? file.durable.substr(begin, now.size()) : "";
    before.resize(now.size(), '\0');
    content.replace(begin, before.size(), before);
  }
  return content;
}

void DiskModel::Change(const OpenFile& open, FileChange change) {
  auto& file = std::get<File>(nodes_[open_files_.at(open.number)]);
  ApplyTo(file.current, change);
  file.pending.push_back(std::move(change));
}

void DiskModel::Change(Directory& directory, std::vector<EntryChange> change) {
  ApplyTo(directory.current, change);
  directory.pending.push_back(std::move(change));
}

DiskModel::NodeId DiskModel::Add(Node node) {
  nodes_.push_back(std::move(node));
  return nodes_.size() - 1;
}

DiskModel::Place DiskModel::Find(std::string_view path) {
  auto* directory = &std::get<Directory>(nodes_[0]);
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/')) {
    directory =
        &std::get<Directory>(nodes_[directory->current.at(std::string(path.substr(0, slash)))]);
    path.remove_prefix(slash + 1);
  }
  return {directory, std::string(path)};
}

DiskImage DiskModel::ImageBy(const Fate& fate) const {
  DiskImage image;
  AddTo(image, "", std::get<Directory>(nodes_[0]), fate);
  return image;
}

void DiskModel::AddTo(DiskImage& image, const std::string& prefix, const Directory& directory,
                      const Fate& fate) const {
  for (const auto& [name, id] : fate.directory(directory)) {
    if (const auto* file = std::get_if<File>(&nodes_[id])) {
      image[prefix + name] = fate.file(*file);
    } else {
      image[prefix + name + "/"] = "";
      AddTo(image, prefix + name + "/", std::get<Directory>(nodes_[id]), fate);
    }
  }
}

void DiskModel::Do(const CreateOperation& op) {
  const Place place = Find(op.path);
  Change(*place.directory, {{place.name, Add(File())}});
}

void DiskModel::Do(const OpenOperation& op) {
  NodeId& node = open_files_[op.file.number];
  node = 0;
  if (op.file.path.empty()) return;  // The folder itself.
  const Place place = Find(op.file.path);
  node = place.directory->current.at(place.name);
}

void DiskModel::Do(const WriteOperation& op) { Change(op.file, Write{op.offset, op.data}); }

void DiskModel::Do(const ResizeOperation& op) { Change(op.file, Resize{op.size}); }

void DiskModel::Do(const SyncOperation& op) {
  std::visit(
      [](auto& node) {
        node.durable = node.current;
        node.pending.clear();
      },
      nodes_[open_files_.at(op.file.number)]);
}

void DiskModel::Do(const RenameOperation& op) {
  const Place from = Find(op.from);
  const Place to = Find(op.to);
  const NodeId node = from.directory->current.at(from.name);
  if (from.directory == to.directory) {
    Change(*to.directory, {{from.name, std::nullopt}, {to.name, node}});
  } else {
    Change(*to.directory, {{to.name, node}});
    Change(*from.directory, {{from.name, std::nullopt}});
  }
}

void DiskModel::Do(const RemoveOperation& op) {
  const Place place = Find(op.path);
  Change(*place.directory, {{place.name, std::nullopt}});
}

void DiskModel::Do(const MakeDirectoryOperation& op) {
  const Place place = Find(op.path);
  Change(*place.directory, {{place.name, Add(Directory())}});
}

}  // namespace holdfast
