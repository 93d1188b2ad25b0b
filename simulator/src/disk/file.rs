//! An open file of the model.

use std::{any::Any, cell::Cell, io, sync::Arc};

use hotledger_journal::{Access, DiskFile};

use super::{
    Errno, Model, ModelDisk, Operation, OperationKind, names::NodeId, nothing_underway, refuse,
};

/// A file by its contents: it stays the same whatever its name becomes.
pub(super) struct ModelFile {
    pub(super) disk: ModelDisk,
    pub(super) node: NodeId,
    pub(super) name: Arc<str>,
    pub(super) access: Access,
}

impl ModelFile {
    pub(super) fn operation(&self, kind: OperationKind, offset: u64, bytes: usize) -> Operation {
        let bytes = bytes as u64;
        let access = Some(self.access);
        Operation { number: 0, kind, file: self.name.clone(), to: None, access, offset, bytes }
    }

    pub(super) fn check_writable(&self) -> io::Result<()> {
        match self.access {
            Access::Read | Access::ReadDirect => Err(Errno::BadDescriptor.error()),
            Access::Write | Access::Fill | Access::Commit(_) => Ok(()),
        }
    }
}

impl DiskFile for ModelFile {
    fn bytes(&self) -> io::Result<u64> {
        let operation = self.operation(OperationKind::Size, 0, 0);
        self.disk.operate(operation, nothing_underway, |model, effect, _| {
            refuse(effect)?;
            Ok(model.node(self.node).size())
        })
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let operation = self.operation(OperationKind::Read, offset, into.len());
        self.disk.operate(operation, nothing_underway, |model, effect, _| {
            refuse(effect)?;
            let layer = model.read_layer(self.access);
            Ok(model.node(self.node).read(layer, offset, into))
        })
    }

    fn write_all_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let operation = self.operation(OperationKind::Write, offset, bytes.len());
        let begun = Cell::new(0);
        let prepare = |model: &mut Model| {
            self.check_writable()?;
            begun.set(model.begin_write(self.node, self.access, offset, bytes));
            Ok(None)
        };
        self.disk.operate(operation, prepare, |model, effect, _| {
            model.trace_write(begun.get());
            model.destine(begun.get(), effect);
            model.end_write(begun.get())
        })
    }

    fn reserve(&self, bytes: u64) -> io::Result<bool> {
        if !self.disk.model().reserves {
            return Ok(false);
        }
        let operation = Operation { bytes, ..self.operation(OperationKind::Reserve, 0, 0) };
        let prepare = |_: &mut Model| self.check_writable().map(|()| None);
        self.disk.operate(operation, prepare, |model, effect, _| {
            model.reserve(effect, self.node, bytes).map(|()| true)
        })
    }

    fn sync(&self) -> io::Result<()> {
        let operation = self.operation(OperationKind::Sync, 0, 0);
        self.disk
            .operate(operation, nothing_underway, |model, effect, _| model.sync(effect, self.node))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Drop for ModelFile {
    fn drop(&mut self) {
        let mut model = self.disk.model();
        if let Some(node) = model.nodes.get_mut(&self.node) {
            node.handles = node.handles.saturating_sub(1);
        }
    }
}
