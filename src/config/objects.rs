//! The whole configuration, typed: what the other rooms read.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::kind::Kind;
use super::model::{
    Acl, Aor, Asterisk, Auth, Contact, DomainAlias, Endpoint, Global, Identify, Jackfield, NamedAcl, Object,
    Other, Registration, Rtp, System, Transport,
};
use super::origin::Sources;
use crate::base::ids::Name;

/// A table of objects looked up by name per request.
pub type Lookup<T> = HashMap<Name, Arc<T>, foldhash::fast::RandomState>;
/// A table of objects walked in the order of their names.
pub type Sorted<T> = BTreeMap<Name, Arc<T>>;

/// All objects, by kind and name. Cloning it copies tables, never objects.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// What holds for all.
    pub global: Arc<Global>,
    /// What holds for the stack, from start to end.
    pub system: Arc<System>,
    /// Directories and options of the process.
    pub asterisk: Arc<Asterisk>,
    /// What holds for all media.
    pub rtp: Arc<Rtp>,
    /// What Asterisk has no option for.
    pub jackfield: Arc<Jackfield>,
    /// Where we listen.
    pub transports: Sorted<Transport>,
    /// Phones and trunks.
    pub endpoints: Lookup<Endpoint>,
    /// Addresses of record.
    pub aors: Lookup<Aor>,
    /// Credentials.
    pub auths: Lookup<Auth>,
    /// Who is who by address, header or request URI.
    pub identifies: Sorted<Identify>,
    /// Lists for every request.
    pub acls: Sorted<Acl>,
    /// Lists of `acl.conf`.
    pub named_acls: Sorted<NamedAcl>,
    /// Second names of domains.
    pub domain_aliases: Sorted<DomainAlias>,
    /// Our registrations elsewhere.
    pub registrations: Sorted<Registration>,
    /// Contacts bound by hand or read from a table.
    pub contacts: Sorted<Contact>,
    /// Objects of kinds with which nothing is done yet.
    pub others: BTreeMap<(Kind, Name), Arc<Other>>,
    /// Objects held over from an earlier load because their newer version is bad.
    pub kept: BTreeSet<(Kind, Name)>,
    /// The names behind every [`Origin`](super::origin::Origin) in here.
    pub sources: Sources,
}

/// An object of any kind.
#[derive(Clone, Debug)]
pub enum AnyObject {
    /// What holds for all.
    Global(Arc<Global>),
    /// What holds for the stack.
    System(Arc<System>),
    /// Directories and options of the process.
    Asterisk(Arc<Asterisk>),
    /// What holds for all media.
    Rtp(Arc<Rtp>),
    /// What Asterisk has no option for.
    Jackfield(Arc<Jackfield>),
    /// Where we listen.
    Transport(Arc<Transport>),
    /// A phone or trunk.
    Endpoint(Arc<Endpoint>),
    /// An address of record.
    Aor(Arc<Aor>),
    /// Credentials.
    Auth(Arc<Auth>),
    /// Who is who.
    Identify(Arc<Identify>),
    /// Lists for every request.
    Acl(Arc<Acl>),
    /// A list of `acl.conf`.
    NamedAcl(Arc<NamedAcl>),
    /// A second name of a domain.
    DomainAlias(Arc<DomainAlias>),
    /// A registration of ours.
    Registration(Arc<Registration>),
    /// A bound contact.
    Contact(Arc<Contact>),
    /// An object of a kind without a type of its own: resource lists and the like.
    Other(Arc<Other>),
}

/// One difference between two configurations.
#[derive(Clone, Debug)]
pub enum Change {
    /// Added, or other settings than before.
    Put(AnyObject),
    /// The same settings, written at another place: only what is said about file and line changes.
    Moved(AnyObject),
    /// Gone.
    Remove(Kind, Name),
}

impl Change {
    /// The kind of the object.
    pub fn kind(&self) -> Kind {
        match self {
            Change::Put(object) | Change::Moved(object) => object.kind(),
            Change::Remove(kind, _) => *kind,
        }
    }
}

/// A table of one kind of objects.
pub trait Table<T> {
    /// The object of that name.
    fn named(&self, name: &str) -> Option<&Arc<T>>;
    /// The object that stands in the way of another one of that name: for single objects, any.
    fn occupant(&self, name: &str) -> Option<&Arc<T>> {
        self.named(name)
    }
    /// Adds or replaces.
    fn put(&mut self, object: Arc<T>);
    /// Takes out.
    fn take(&mut self, name: &str) -> Option<Arc<T>>;
    /// All objects; sorted by name in sorted tables.
    fn all<'a>(&'a self) -> impl Iterator<Item = &'a Arc<T>>
    where
        T: 'a;
}

/// An object that has a table of its own.
pub trait Stored: Object {
    /// The table's type.
    type Table: Table<Self>;

    /// The table.
    fn table(objects: &Objects) -> &Self::Table;

    /// The same, to be changed.
    fn table_mut(objects: &mut Objects) -> &mut Self::Table;

    /// As one of any kind.
    fn any(object: Arc<Self>) -> AnyObject;
}

/// What is done alike for every kind.
pub trait VisitKinds {
    /// Does it for one kind.
    fn visit<T: Stored>(&mut self);
}

impl<T: Object> Table<T> for Lookup<T> {
    fn named(&self, name: &str) -> Option<&Arc<T>> {
        self.get(name)
    }

    fn put(&mut self, object: Arc<T>) {
        self.insert(object.name().clone(), object);
    }

    fn take(&mut self, name: &str) -> Option<Arc<T>> {
        self.remove(name)
    }

    fn all<'a>(&'a self) -> impl Iterator<Item = &'a Arc<T>>
    where
        T: 'a,
    {
        self.values()
    }
}

impl<T: Object> Table<T> for Sorted<T> {
    fn named(&self, name: &str) -> Option<&Arc<T>> {
        self.get(name)
    }

    fn put(&mut self, object: Arc<T>) {
        self.insert(object.name().clone(), object);
    }

    fn take(&mut self, name: &str) -> Option<Arc<T>> {
        self.remove(name)
    }

    fn all<'a>(&'a self) -> impl Iterator<Item = &'a Arc<T>>
    where
        T: 'a,
    {
        self.values()
    }
}

/// The single object of its kind, whatever its name. One without a name is the default and counts as absent.
impl<T: Object + Default> Table<T> for Arc<T> {
    fn named(&self, name: &str) -> Option<&Arc<T>> {
        (!self.name().is_empty() && **self.name() == *name).then_some(self)
    }

    fn occupant(&self, _: &str) -> Option<&Arc<T>> {
        (!self.name().is_empty()).then_some(self)
    }

    fn put(&mut self, object: Arc<T>) {
        *self = object;
    }

    fn take(&mut self, name: &str) -> Option<Arc<T>> {
        self.named(name)?;
        Some(std::mem::take(self))
    }

    fn all<'a>(&'a self) -> impl Iterator<Item = &'a Arc<T>>
    where
        T: 'a,
    {
        Some(self).filter(|object| !object.name().is_empty()).into_iter()
    }
}

macro_rules! stored {
    ($($object:ident $table:ty, $field:ident;)*) => {
        $(
            impl Stored for $object {
                type Table = $table;

                fn table(objects: &Objects) -> &Self::Table {
                    &objects.$field
                }

                fn table_mut(objects: &mut Objects) -> &mut Self::Table {
                    &mut objects.$field
                }

                fn any(object: Arc<Self>) -> AnyObject {
                    AnyObject::$object(object)
                }
            }
        )*

        impl AnyObject {
            /// Which kind it is.
            pub fn kind(&self) -> Kind {
                match self {
                    $( AnyObject::$object(_) => $object::KIND, )*
                    AnyObject::Other(other) => other.kind,
                }
            }

            /// Its name.
            pub fn name(&self) -> &Name {
                match self {
                    $( AnyObject::$object(object) => object.name(), )*
                    AnyObject::Other(other) => &other.name,
                }
            }
        }

        impl Objects {
            /// Makes one change.
            pub fn apply(&mut self, change: &Change) {
                match change {
                    Change::Put(object) | Change::Moved(object) => match object {
                        $( AnyObject::$object(object) => self.$field.put(object.clone()), )*
                        AnyObject::Other(other) => {
                            self.others.insert((other.kind, other.name.clone()), other.clone());
                        }
                    },
                    $( Change::Remove($object::KIND, name) => {
                        self.$field.take(name);
                    } )*
                    Change::Remove(kind, name) => {
                        self.others.remove(&(*kind, name.clone()));
                    }
                }
            }
        }

        /// Visits every kind of object that has a table.
        pub fn visit_kinds(visitor: &mut impl VisitKinds) {
            $( visitor.visit::<$object>(); )*
        }
    };
}
stored! {
    Global Arc<Global>, global;
    System Arc<System>, system;
    Asterisk Arc<Asterisk>, asterisk;
    Rtp Arc<Rtp>, rtp;
    Jackfield Arc<Jackfield>, jackfield;
    Transport Sorted<Transport>, transports;
    Endpoint Lookup<Endpoint>, endpoints;
    Aor Lookup<Aor>, aors;
    Auth Lookup<Auth>, auths;
    Identify Sorted<Identify>, identifies;
    Acl Sorted<Acl>, acls;
    NamedAcl Sorted<NamedAcl>, named_acls;
    DomainAlias Sorted<DomainAlias>, domain_aliases;
    Registration Sorted<Registration>, registrations;
    Contact Sorted<Contact>, contacts;
}

impl Objects {
    /// No objects: defaults only.
    pub fn new() -> Objects {
        Objects::default()
    }

    /// The endpoint whose name is nearest to a user name that matched none: what a caller, or the administrator, may
    /// have meant. Looks at every name, so it is for explanations, not for requests.
    pub fn nearest_endpoint(&self, user: &str) -> Option<&Name> {
        let near = super::suggest::nearest(user, self.endpoints.keys().map(|name| &**name))?;
        self.endpoints.get_key_value(near).map(|(name, _)| name)
    }

    /// The object of that kind and name.
    pub fn named<T: Stored>(&self, name: &str) -> Option<&Arc<T>> {
        T::table(self).named(name)
    }
}
