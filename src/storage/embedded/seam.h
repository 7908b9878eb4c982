#pragma once

#include <memory>
#include <optional>

namespace rocksdb {
class FileSystem;
}

namespace settle {

/// What a test puts between the embedded store and the system.
struct EmbeddedSeam {
  std::shared_ptr<rocksdb::FileSystem> files;  ///< null: the real ones
  std::optional<long> file_system_type;        ///< what statfs is said to have answered
};

}  // namespace settle
