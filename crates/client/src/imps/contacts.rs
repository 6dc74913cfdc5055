//! Contact lists, block lists, and finding people.

use imps::Primitive;
use imps::csp::{
    BlockEntityRequest, BlockList, Contact, Contacts, CreateListRequest, DeleteListRequest,
    EntityList, GetListRequest, GetListResponse, ListManageRequest, SearchPair, SearchRequest,
    SearchResponse,
};

use super::agent::{Agent, unexpected};
use super::failure::Failure;

impl Agent {
    /// The contact lists, and which of them is the default one.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn contact_lists(&self) -> Result<GetListResponse, Failure> {
        match self.ask(GetListRequest {}).await? {
            Primitive::GetListResponse(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }

    /// Who is on a contact list.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn contacts(&self, list: &str) -> Result<Vec<Contact>, Failure> {
        let request = ListManageRequest {
            list: list.to_owned(),
            receive_list: Some(true),
            ..ListManageRequest::default()
        };
        match self.ask(request).await? {
            Primitive::ListManageResponse(response) => Ok(response.contacts.unwrap_or_default().0),
            other => Err(unexpected(&other)),
        }
    }

    /// Makes a contact list.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn create_contact_list(
        &self,
        list: &str,
        contacts: Vec<Contact>,
    ) -> Result<(), Failure> {
        self.tell(CreateListRequest {
            list: list.to_owned(),
            contacts: Some(Contacts(contacts)).filter(|contacts| !contacts.0.is_empty()),
            properties: Vec::new(),
        })
        .await
    }

    /// Removes a contact list.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn delete_contact_list(&self, list: &str) -> Result<(), Failure> {
        let list = list.to_owned();
        self.tell(DeleteListRequest { list }).await
    }

    /// Puts users on a contact list.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn add_contacts(&self, list: &str, contacts: Vec<Contact>) -> Result<(), Failure> {
        self.tell(ListManageRequest {
            list: list.to_owned(),
            add: Some(Contacts(contacts)),
            receive_list: Some(false),
            ..ListManageRequest::default()
        })
        .await
    }

    /// Takes users off a contact list.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn remove_contacts(&self, list: &str, users: &[&str]) -> Result<(), Failure> {
        self.tell(ListManageRequest {
            list: list.to_owned(),
            remove: owned(users),
            receive_list: Some(false),
            ..ListManageRequest::default()
        })
        .await
    }

    /// Wants to hear nothing more from these users.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn block(&self, users: &[&str]) -> Result<(), Failure> {
        let list = BlockList {
            in_use: Some(true),
            add: Some(entities(users)),
            ..BlockList::default()
        };
        self.tell(BlockEntityRequest {
            block: Some(list),
            block_in_use: Some(true),
            ..BlockEntityRequest::default()
        })
        .await
    }

    /// Wants to hear from these users again.
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn unblock(&self, users: &[&str]) -> Result<(), Failure> {
        let list = BlockList {
            remove: Some(entities(users)),
            ..BlockList::default()
        };
        self.tell(BlockEntityRequest {
            block: Some(list),
            ..BlockEntityRequest::default()
        })
        .await
    }

    /// Searches for whatever meets all conditions, such as `USER_ID` and a part of it. Returns the
    /// first `limit` results; further ones are asked for with [`Agent::request`].
    ///
    /// # Errors
    ///
    /// [`Failure`].
    pub async fn search(
        &self,
        conditions: &[(&str, &str)],
        limit: u32,
    ) -> Result<SearchResponse, Failure> {
        let pairs = conditions.iter().map(|(element, string)| SearchPair {
            element: (*element).to_owned(),
            string: (*string).to_owned(),
            pair: None,
        });
        let request = SearchRequest {
            pairs: pairs.collect(),
            limit: Some(limit),
            ..SearchRequest::default()
        };
        match self.ask(request).await? {
            Primitive::SearchResponse(response) => Ok(response),
            other => Err(unexpected(&other)),
        }
    }
}

fn owned(users: &[&str]) -> Vec<String> {
    users.iter().map(|user| (*user).to_owned()).collect()
}

fn entities(users: &[&str]) -> EntityList {
    EntityList {
        users: owned(users),
        ..EntityList::default()
    }
}
