//! Resources of the control plane: each its generated document plus the columns that look-ups need.

use crate::cursor::Cursor;
use crate::error::StoreError;
use crate::sql::{Row, SqlResult};
use crate::tx::{ReadTx, Tx};
use outcrop_wire::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Items one page holds at most.
pub const PAGE_MAX: usize = 1_000;
/// Items [`ReadTx::list_all`] answers at most; more is [`StoreError::TooLarge`].
pub const LIST_ALL_MAX: usize = 10_000;
/// Bytes of one document.
const DOC_BYTES_MAX: usize = 16 << 20;

/// Declares the kinds with the text that stands for them in the database; that text is never changed.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $text:literal,)*) => {
        /// What a resource is. Ids and names are unique within a kind and parent.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// The text that stands for the kind in the database.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// An agent with its draft; no parent.
    Agent = "agent",
    /// A version cut from a draft; parent: the agent.
    AgentVersion = "agent-version",
    /// An action group; parent: the agent and its version.
    ActionGroup = "action-group",
    /// An alias; parent: the agent.
    AgentAlias = "agent-alias",
    /// An agent that another works with; parent: the agent and its version.
    Collaborator = "agent-collaborator",
    /// Use of an alias by a collaboration, for looking up who uses it; parent: the agent of the alias.
    AliasUse = "alias-use",
    /// A knowledge base that an agent may search; parent: the agent and its version.
    AgentKnowledgeBase = "agent-knowledge-base",
    /// A knowledge base; no parent.
    KnowledgeBase = "knowledge-base",
    /// A prompt with its draft; no parent.
    Prompt = "prompt",
    /// A version of a prompt; parent: the prompt.
    PromptVersion = "prompt-version",
    /// A guardrail with its draft; no parent.
    Guardrail = "guardrail",
    /// A version of a guardrail; parent: the guardrail.
    GuardrailVersion = "guardrail-version",
    /// Use of a guardrail by an agent's draft or version, for looking up who uses it; parent: the guardrail.
    GuardrailUse = "guardrail-use",
    /// A guardrail that holds for all of the account; no parent.
    EnforcedGuardrail = "enforced-guardrail",
    /// The policy of a resource, under the resource's ARN; no parent.
    ResourcePolicy = "resource-policy",
    /// A local function; no parent.
    Function = "function",
    /// A layer of functions with the number of its next version; no parent.
    Layer = "layer",
    /// A version of a layer; parent: the layer.
    LayerVersion = "layer-version",
    /// A deployed stack; no parent.
    Stack = "stack",
    /// A role of IAM; no parent.
    IamRole = "iam-role",
    /// A managed policy of IAM; no parent.
    IamPolicy = "iam-policy",
    /// A collection of OpenSearch Serverless; no parent.
    AossCollection = "aoss-collection",
    /// A policy of OpenSearch Serverless; parent: its type.
    AossPolicy = "aoss-policy",
    /// An application inference profile; no parent.
    InferenceProfile = "inference-profile",
}

/// The indexed columns of a resource; the document travels beside it.
#[derive(Clone, Copy, Debug)]
pub struct Resource<'a> {
    /// What it is.
    pub kind: Kind,
    /// What it belongs to; empty when it belongs to nothing. The form is the caller's, and must be told exactly.
    pub parent: &'a str,
    /// Unique within kind and parent.
    pub id: &'a str,
    /// Unique within kind and parent where there is one.
    pub name: Option<&'a str>,
    /// Set by the insert only.
    pub created_at: Timestamp,
    /// Sorts the lists.
    pub updated_at: Timestamp,
}

/// Why a resource was not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Another resource of the kind and parent has the name.
    #[error("the name is taken")]
    NameTaken,
    /// A resource of the kind and parent has the id.
    #[error("the id is taken")]
    IdTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ReadTx<'_> {
    /// The resource's document.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when it does not read as `T`; so for every read here.
    pub fn get<T: DeserializeOwned>(&self, kind: Kind, parent: &str, id: &str) -> Result<Option<T>, StoreError> {
        let sql = "SELECT id, doc FROM resource WHERE kind = ?1 AND parent = ?2 AND id = ?3";
        self.query_opt("read a resource", sql, (kind.as_str(), parent, id), id_and_doc)?
            .map(|row| from_doc(kind, &row))
            .transpose()
    }

    /// Whether there is such a resource; cheaper than reading it.
    pub fn exists(&self, kind: Kind, parent: &str, id: &str) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM resource WHERE kind = ?1 AND parent = ?2 AND id = ?3";
        Ok(self.query_opt("look for a resource", sql, (kind.as_str(), parent, id), |_| Ok(()))?.is_some())
    }

    /// The document of the resource with exactly this name.
    pub fn find_by_name<T: DeserializeOwned>(
        &self,
        kind: Kind,
        parent: &str,
        name: &str,
    ) -> Result<Option<T>, StoreError> {
        let sql = "SELECT id, doc FROM resource WHERE kind = ?1 AND parent = ?2 AND name = ?3";
        self.query_opt("find a resource by name", sql, (kind.as_str(), parent, name), id_and_doc)?
            .map(|row| from_doc(kind, &row))
            .transpose()
    }

    /// The id of the resource with exactly this name.
    pub fn find_id_by_name(&self, kind: Kind, parent: &str, name: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT id FROM resource WHERE kind = ?1 AND parent = ?2 AND name = ?3";
        self.query_opt("find an id by name", sql, (kind.as_str(), parent, name), |row| row.get(0))
    }

    /// Up to `limit` documents (1 to [`PAGE_MAX`], cut to that), last updated first, and where the next page goes on;
    /// no cursor when this was the last.
    pub fn list_page<T: DeserializeOwned>(
        &self,
        kind: Kind,
        parent: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<(Vec<T>, Option<Cursor>), StoreError> {
        let limit = limit.clamp(1, PAGE_MAX);
        let mut rows = self.page_rows(kind, parent, after, limit + 1)?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|(at, (id, _))| Cursor { updated_at: *at, id: id.clone() });
        // One row that cannot be read must not take the list down; reading it by its id says what is wrong.
        let readable = |row: &IdAndDoc| {
            from_doc(kind, row).inspect_err(|error| tracing::error!(%error, "left out of a list")).ok()
        };
        let docs = rows.iter().filter_map(|(_, row)| readable(row)).collect();
        Ok((docs, next))
    }

    /// Every document of the kind and parent, last updated first.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`] when there are more than [`LIST_ALL_MAX`].
    pub fn list_all<T: DeserializeOwned>(&self, kind: Kind, parent: &str) -> Result<Vec<T>, StoreError> {
        let rows = self.page_rows(kind, parent, None, LIST_ALL_MAX + 1)?;
        if rows.len() > LIST_ALL_MAX {
            return Err(StoreError::TooLarge(format!("a list of more than {LIST_ALL_MAX} of kind {}", kind.as_str())));
        }
        rows.iter().map(|(_, row)| from_doc(kind, row)).collect()
    }

    /// The ids of all resources of the kind and parent, in their order; cheaper than reading them.
    pub fn ids(&self, kind: Kind, parent: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT id FROM resource WHERE kind = ?1 AND parent = ?2 ORDER BY id";
        self.query_all("list ids", sql, (kind.as_str(), parent), |row| row.get(0))
    }

    /// How many resources of the kind and parent there are.
    pub fn count(&self, kind: Kind, parent: &str) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM resource WHERE kind = ?1 AND parent = ?2";
        let count = self.query_opt("count resources", sql, (kind.as_str(), parent), |row| row.get::<i64>(0))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or(0))
    }

    fn page_rows(
        &self,
        kind: Kind,
        parent: &str,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Vec<(Timestamp, IdAndDoc)>, StoreError> {
        let doing = "list resources";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let map = |row: &Row<'_>| Ok((Timestamp::from_nanos(row.get(2)?), id_and_doc(row)?));
        let Some(Cursor { updated_at, id }) = after else {
            let sql = "SELECT id, doc, updated_at FROM resource WHERE kind = ?1 AND parent = ?2
                       ORDER BY updated_at DESC, id LIMIT ?3";
            return self.query_all(doing, sql, (kind.as_str(), parent, limit), map);
        };
        // The first bound lets the index seek; the second drops the items of the same instant that were shown.
        let sql = "SELECT id, doc, updated_at FROM resource WHERE kind = ?1 AND parent = ?2
                   AND updated_at <= ?3 AND (updated_at < ?3 OR id > ?4)
                   ORDER BY updated_at DESC, id LIMIT ?5";
        self.query_all(doing, sql, (kind.as_str(), parent, updated_at.as_nanos(), id, limit), map)
    }
}

impl Tx<'_> {
    /// Writes a new resource.
    ///
    /// # Errors
    /// Tells a taken id from a taken name (the id first where both are); [`StoreError::TooLarge`] over 16 MiB.
    pub fn insert(&mut self, resource: &Resource<'_>, doc: &impl Serialize) -> Result<(), PutError> {
        // A statement that breaks a constraint may take the transaction with it, so none is let come to that.
        let sql = "INSERT INTO resource (kind, parent, id, name, created_at, updated_at, doc)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING";
        match self.write_resource(resource, doc, sql, "insert a resource")? {
            0 if self.exists(resource.kind, resource.parent, resource.id)? => Err(PutError::IdTaken),
            0 => Err(PutError::NameTaken),
            _ => Ok(()),
        }
    }

    /// Writes name, time of update and document of a resource that is there; `false` when it is not.
    ///
    /// # Errors
    /// [`PutError::NameTaken`]; [`StoreError::TooLarge`] over 16 MiB.
    pub fn update(&mut self, resource: &Resource<'_>, doc: &impl Serialize) -> Result<bool, PutError> {
        // The creation time is compared with itself so that every statement takes the same seven values.
        let sql = "UPDATE resource SET name = ?4, updated_at = ?6, doc = ?7
                   WHERE kind = ?1 AND parent = ?2 AND id = ?3 AND ?5 IS NOT NULL";
        match self.expect_free_name(resource) {
            Err(PutError::NameTaken) if !self.exists(resource.kind, resource.parent, resource.id)? => Ok(false),
            free => free.and_then(|()| Ok(self.write_resource(resource, doc, sql, "update a resource")? > 0)),
        }
    }

    /// Inserts or updates, whichever fits; the creation time of a resource that is there stays.
    ///
    /// # Errors
    /// [`PutError::NameTaken`]; [`StoreError::TooLarge`] over 16 MiB.
    pub fn put(&mut self, resource: &Resource<'_>, doc: &impl Serialize) -> Result<(), PutError> {
        let sql = "INSERT INTO resource (kind, parent, id, name, created_at, updated_at, doc)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (kind, parent, id) DO UPDATE
                   SET name = excluded.name, updated_at = excluded.updated_at, doc = excluded.doc";
        self.expect_free_name(resource)?;
        self.write_resource(resource, doc, sql, "put a resource")?;
        Ok(())
    }

    /// Deletes the resource; `false` when there was none. Children are the caller's, see [`Tx::delete_children`].
    pub fn delete(&mut self, kind: Kind, parent: &str, id: &str) -> Result<bool, StoreError> {
        self.note_change();
        let sql = "DELETE FROM resource WHERE kind = ?1 AND parent = ?2 AND id = ?3";
        self.execute("delete a resource", sql, (kind.as_str(), parent, id)).map(|deleted| deleted > 0)
    }

    /// Deletes every resource of the kind under exactly this parent; answers how many.
    pub fn delete_children(&mut self, kind: Kind, parent: &str) -> Result<usize, StoreError> {
        self.note_change();
        let sql = "DELETE FROM resource WHERE kind = ?1 AND parent = ?2";
        self.execute("delete resources", sql, (kind.as_str(), parent))
    }

    fn write_resource(
        &mut self,
        resource: &Resource<'_>,
        doc: &impl Serialize,
        sql: &str,
        doing: &'static str,
    ) -> Result<usize, StoreError> {
        let Resource { kind, parent, id, name, created_at, updated_at } = *resource;
        let doc = to_doc(doc)?;
        let row = (kind.as_str(), parent, id, name, created_at.as_nanos(), updated_at.as_nanos(), doc);
        self.note_change();
        self.execute(doing, sql, row)
    }

    /// Writes that are not turns' come one after another, so a name that is free now still is when it is written.
    fn expect_free_name(&self, resource: &Resource<'_>) -> Result<(), PutError> {
        let Some(name) = resource.name else { return Ok(()) };
        match self.find_id_by_name(resource.kind, resource.parent, name)? {
            Some(id) if id != resource.id => Err(PutError::NameTaken),
            _ => Ok(()),
        }
    }
}

type IdAndDoc = (String, Vec<u8>);

fn id_and_doc(row: &Row<'_>) -> SqlResult<IdAndDoc> {
    Ok((row.get(0)?, row.get(1)?))
}

fn from_doc<T: DeserializeOwned>(kind: Kind, (id, doc): &IdAndDoc) -> Result<T, StoreError> {
    serde_json::from_slice(doc).map_err(|error| StoreError::Corrupt(format!("{} `{id}`: {error}", kind.as_str())))
}

/// A document as bytes, within the limit.
pub(crate) fn to_doc(doc: &impl Serialize) -> Result<Vec<u8>, StoreError> {
    let doc = serde_json::to_vec(doc)
        .map_err(|error| StoreError::Sql { doing: "write a document as JSON", why: error.to_string() })?;
    if doc.len() > DOC_BYTES_MAX {
        return Err(StoreError::TooLarge(format!("a document of {} bytes; at most {DOC_BYTES_MAX}", doc.len())));
    }
    Ok(doc)
}
