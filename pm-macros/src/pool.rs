//! The pool as the application sees it: a typed handle, its builder and its methods.

use crate::model::{Model, Query};
use crate::parts::{in_parentheses, local, own};
use proc_macro2::TokenStream;
use quote::quote;

/// The typed handle. It holds everything that does not depend on types of the user.
pub(crate) fn handle(
    model: &Model,
    methods: TokenStream,
    serve: TokenStream,
    registration: TokenStream,
) -> TokenStream {
    let Model { runtime, options, attrs, vis, names, title, doc, signature, .. } = model;
    let (pool, builder) = (&names.pool, &names.builder);
    let pool_doc = format!(" A typed handle to a pool of worker processes that run {doc}.");
    let builder_doc = format!(" The builder of [`{pool}`].");
    let set = options.setters.iter().map(|setter| &setter.method);
    let values = options.setters.iter().map(|setter| &setter.value);
    quote! {
        #[doc = #pool_doc]
        #(#attrs)*
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #pool(#runtime::Pool);

        #[doc = #builder_doc]
        #(#attrs)*
        #vis type #builder = #runtime::PoolBuilder<#pool>;

        #(#attrs)*
        #[allow(dead_code, private_interfaces)]
        impl #pool {
            /// A pool with the options of the attribute. Its workers start with the first query.
            pub fn new() -> Self {
                Self::builder().build()
            }

            /// Sets up a pool with other options.
            pub fn builder() -> #builder {
                #runtime::__private::builder() #(.#set(#values))*
            }

            /// A pool whose workers are threads of this process, for tests and debuggers: no isolation.
            pub fn in_process() -> Self {
                Self::builder().in_process().build()
            }

            #methods
        }

        #(#attrs)*
        impl ::core::default::Default for #pool {
            fn default() -> Self {
                Self::new()
            }
        }

        #(#attrs)*
        impl ::core::ops::Deref for #pool {
            type Target = #runtime::Pool;

            fn deref(&self) -> &Self::Target {
                &self.0
            }
        }

        #(#attrs)*
        const _: () = {
            use #runtime::__private;

            impl __private::Handle for #pool {
                const ENTRY: __private::Entry = __private::Entry {
                    name: ::core::any::type_name::<Self>,
                    title: #title,
                    signature: #signature,
                    file: ::core::file!(),
                    line: ::core::line!(),
                    serve: #serve,
                };

                fn from_pool(pool: #runtime::Pool) -> Self {
                    Self(pool)
                }
            }

            #registration
        };
    }
}

/// The method that sends a query.
pub(crate) fn method(model: &Model, query: &Query) -> TokenStream {
    let Model { runtime, names, .. } = model;
    let Query { doc, variant, method, vis, arguments, answer: returned, .. } = query;
    let (request, response) = (&names.request, &names.response);
    let doc = format!(" Runs {doc} in a worker process.");
    let types = arguments.iter().map(|argument| &argument.ty);
    let locals = arguments.iter().map(|argument| local(&argument.name));
    let sent = in_parentheses(arguments.iter().map(|argument| {
        let local = local(&argument.name);
        match argument.by_reference {
            true => quote!(#runtime::__private::Ref::Borrowed(#local)),
            false => quote!(#local),
        }
    }));
    let (frame, message, answer) = (own("frame"), own("message"), own("answer"));
    let open = match model.queries.len() {
        1 => quote! {
            #runtime::__private::decode(#frame).map(|#response::#variant(#answer)| #answer)
        },
        _ => quote! {
            #runtime::__private::open(#frame, |#message| match #message {
                #response::#variant(#answer) => ::core::option::Option::Some(#answer),
                _ => ::core::option::Option::None,
            })
        },
    };
    // With `self` it has one more than the function, of which clippy has its opinion.
    let many = (arguments.len() > 6).then(|| quote!(#[allow(clippy::too_many_arguments)]));
    quote! {
        #[doc = #doc]
        #many
        #vis fn #method(&self, #(#locals: #types),*) -> #runtime::Call<#returned> {
            #runtime::__private::call(&self.0, &#request::#variant #sent, |#frame| {
                #open
            })
        }
    }
}
